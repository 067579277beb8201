#include "app/handlers/model.hpp"

#include "app/model_call.hpp"
#include "app/model_door.hpp"
#include "ollama_client/translation.hpp"

namespace clawgate::app {
namespace {

using ollama::call_kind;

constexpr model_interface native(call_kind k) {
    return {k, nullptr, false};
}

/// An answer of ours where a stream was possible.
proxy_result answered(reply r, const exchange& x) {
    proxy_result out;
    out.answer = std::move(r);
    out.body_unread = x.head.body != net::body_kind::none;
    return out;
}

net::awaitable<proxy_result> from_tags(client_side& client, exchange& x,
                                       result<std::string> (*make)(const exchange&, std::string_view,
                                                               const ollama::model_filter&)) {
    auto tags = co_await ollama::ask_server(client.home.model->link(), "GET", "/api/tags", {},
                                            std::chrono::seconds{10});
    if (!tags || tags->status != 200)
        co_return answered(json_error(503, "model_server_down", "the model server does not answer",
                                      "It may be starting; try again in a few seconds.")
                               .with("Retry-After", "5"),
                           x);
    const ollama::model_filter served = [&door = *client.home.model](std::string_view name) {
        return door.serves(model_door::with_tag(name));
    };
    auto body = make(x, tags->body, served);
    if (body) co_return answered(json_reply(200, std::move(*body)), x);
    const auto& e = body.error();
    co_return answered(json_error(e.code == errc::not_found ? 404 : 502, to_string(e.code), e.detail, {}), x);
}

} // namespace

net::awaitable<void> say_running(worker&, exchange& x) {
    x.answer.status = 200;
    x.answer.content_type = "text/plain; charset=utf-8";
    x.answer.body = "Ollama is running";
    co_return;
}

net::awaitable<proxy_result> ask_model_server(client_side& client, exchange& x, std::size_t head_bytes) {
    // Origin would be refused there, Host must be local, and the credential was for us (facts/ollama.md).
    x.inject = {};
    x.inject.host = client.home.model->server_host;
    const auto target = x.head.target;
    std::string passed = x.path.substr(x.prefix);
    if (!x.head.query.empty()) passed.append("?").append(x.head.query);
    x.head.target = passed;
    net::field_list fields;
    for (const auto& f : x.head.fields)
        if (!net::equal_ignoring_case(f.name, "X-Api-Key")) fields.push_back(f);
    x.head.fields = std::move(fields);
    auto result = co_await proxy(client, x, head_bytes);
    x.head.target = target; // for the log
    co_return result;
}

net::awaitable<proxy_result> change_models(client_side& client, exchange& x, std::size_t head_bytes) {
    auto result = co_await ask_model_server(client, x, head_bytes);
    client.home.model->forget_facts();
    co_return result;
}

net::awaitable<proxy_result> chat(client_side& client, exchange& x, std::size_t head_bytes) {
    return serve_model_call(client, x, head_bytes, native(call_kind::chat));
}
net::awaitable<proxy_result> generate(client_side& client, exchange& x, std::size_t head_bytes) {
    return serve_model_call(client, x, head_bytes, native(call_kind::generate));
}
net::awaitable<proxy_result> embed(client_side& client, exchange& x, std::size_t head_bytes) {
    return serve_model_call(client, x, head_bytes, native(call_kind::embed));
}
net::awaitable<proxy_result> embed_one(client_side& client, exchange& x, std::size_t head_bytes) {
    return serve_model_call(client, x, head_bytes, native(call_kind::embeddings));
}
net::awaitable<proxy_result> chat_completions(client_side& client, exchange& x, std::size_t head_bytes) {
    return serve_model_call(client, x, head_bytes,
                            {call_kind::chat, ollama::translate_chat_completions, false});
}
net::awaitable<proxy_result> completions(client_side& client, exchange& x, std::size_t head_bytes) {
    return serve_model_call(client, x, head_bytes,
                            {call_kind::generate, ollama::translate_completions, false});
}
net::awaitable<proxy_result> messages(client_side& client, exchange& x, std::size_t head_bytes) {
    return serve_model_call(client, x, head_bytes, {call_kind::chat, ollama::translate_messages, false});
}
net::awaitable<proxy_result> openai_embeddings(client_side& client, exchange& x, std::size_t head_bytes) {
    return serve_model_call(client, x, head_bytes, {call_kind::embed, nullptr, true});
}

net::awaitable<proxy_result> list_models(client_side& client, exchange& x, std::size_t) {
    return from_tags(client, x, [](const exchange&, std::string_view tags, const ollama::model_filter& served) {
        return ollama::models_answer(tags, served);
    });
}
net::awaitable<proxy_result> describe_model(client_side& client, exchange& x, std::size_t) {
    return from_tags(client, x, [](const exchange& y, std::string_view tags, const ollama::model_filter& served) {
        return ollama::model_answer(tags, y.route_rest, served);
    });
}

net::awaitable<proxy_result> not_translated(client_side&, exchange& x, std::size_t) {
    co_return answered(json_error(501, "not_implemented", "the Responses interface is not translated here",
                                  "Use /v1/chat/completions, which has the shared parameters."),
                       x);
}

} // namespace clawgate::app
