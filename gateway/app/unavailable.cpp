#include "app/unavailable.hpp"

#include "pages/pages.hpp"

namespace clawgate::app {
namespace {

constexpr auto retry_after = "3";

pages::language language_of(const exchange& x) {
    return pages::pick_language(x.field(net::field_name::accept_language));
}

} // namespace

reply agent_unavailable(const exchange& x) {
    if (!x.at.agent)
        return json_error(503, "model_server_down", "the model server does not answer",
                          "It may be starting; try again in a few seconds.")
            .with("Retry-After", retry_after);
    const bool ever = x.at.agent->state.ever_up();
    if (x.is_navigation()) {
        pages::waiting_view v;
        v.lang = language_of(x);
        v.name = x.at.name;
        v.ever_ready = ever;
        v.demo = x.shared.options.demo;
        return html_reply(503, pages::render(v), pages::content_security_policy())
            .with("Retry-After", retry_after);
    }
    return json_error(503, ever ? "agent_down" : "agent_starting",
                      x.at.name + (ever ? " does not answer; it is being restarted" : " is starting"),
                      "Try again in a few seconds; `supervisorctl status` tells more.")
        .with("Retry-After", retry_after);
}

reply agent_failed(const exchange& x, int status, std::string_view code, std::string_view detail) {
    if (x.at.agent && x.is_navigation()) {
        pages::message_view v;
        v.lang = language_of(x);
        v.status = status;
        v.detail = detail;
        v.demo = x.shared.options.demo;
        return html_reply(status, pages::render(v), pages::content_security_policy());
    }
    return json_error(status, code, detail,
                      x.at.agent ? "The log of the agent may tell why." : "The log of Ollama may tell why.");
}

} // namespace clawgate::app
