// Any bytes as a request: what is accepted must be JSON to another parser too, carry what the policy pins,
// keep the conversation's bytes, and be left alone by a second rewriting. The first byte chooses the call and
// the policy, the rest is the body.
#include "ollama_client/parameters.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>

namespace {

using namespace clawgate;
using namespace clawgate::ollama;
using json = nlohmann::json;

void require(bool holds, std::string_view what, std::string_view text) {
    if (holds) return;
    std::cerr << what << "\n" << text << "\n";
    std::abort();
}

// What another parser makes of `text`; nothing when it holds a number beyond that parser's range, which is
// valid all the same.
std::optional<json> other_parser(const std::string& text, std::string_view otherwise) {
    try {
        return json::parse(text);
    } catch (const json::out_of_range&) {
        return std::nullopt;
    } catch (const json::parse_error&) {
        require(false, otherwise, text);
    }
    return std::nullopt;
}

call_policy policy_of(unsigned choice) {
    config c;
    c.parameters = (choice & 1) != 0 ? param_policy::force : param_policy::fill_in;
    c.behaviour.thinking = (choice & 2) != 0;
    model_facts facts;
    facts.name = (choice & 4) != 0 ? "glm-4.7-flash:latest" : "qwen3:8b";
    facts.known = (choice & 8) != 0;
    facts.thinking = (choice & 16) != 0;
    return policy_for(c, nullptr, facts);
}

std::string rewrite(const native_request& r, const call_policy& p) {
    edited_text text{r.body};
    require(set_parameters(r, p, text).has_value(), "an accepted request is refused", r.body);
    auto out = text.str();
    require(out.size() == text.size(), "the size is wrong", r.body);
    return out;
}

void check_messages(const native_request& r) {
    const auto messages = read_messages(r);
    if (!messages) return;
    for (const auto& m : *messages) {
        require(r.body.substr(m.begin, m.end - m.begin) == m.text, "a message is misplaced", r.body);
        require(r.body.substr(m.content_begin, m.content_end - m.content_begin) == m.content,
                "a content is misplaced", r.body);
        require(m.content_kind != json_kind::string || json_string(m.content), "no string", r.body);
    }
}

void check_rewritten(const native_request& r, const call_policy& p, const std::string& text) {
    const auto parsed = other_parser(text, "not JSON any more");
    if (!parsed) return;
    const auto& tree = *parsed;
    require(tree["model"] == p.model && tree["keep_alive"] == -1, "not pinned", text);
    const auto& options = tree.at("options");
    require(options["num_gpu"] == p.runner.num_gpu && !options.contains("num_batch"), "not pinned", text);
    if (r.kind == call_kind::chat || r.kind == call_kind::generate) {
        require(tree["stream"] == true && tree["shift"] == false, "not pinned", text);
        require(options["num_ctx"] == p.runner.num_ctx, "not pinned", text);
        require(options["num_predict"] >= 1 && options["num_predict"] <= 32768, "endless", text);
    } else {
        require(!options.contains("num_ctx"), "not removed", text);
    }
    for (const char* name : {"messages", "prompt", "input"})
        if (const auto* m = r.find(name))
            require(text.find(m->value) != text.npos, "the conversation was changed", text);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto kind = static_cast<call_kind>(data[0] >> 6);
    // A copy of its own, so that a read beyond the body is noticed.
    const std::string body{reinterpret_cast<const char*>(data) + 1, size - 1};
    const auto r = read_native(kind, body);
    if (!r) return 0;
    (void)other_parser(body, "accepted, but no JSON");
    check_messages(*r);
    const auto p = policy_of(data[0]);
    const auto once = rewrite(*r, p);
    check_rewritten(*r, p, once);
    const auto again = read_native(kind, once);
    require(again.has_value(), "the rewritten request is refused", once);
    require(rewrite(*again, p) == once, "a second rewriting changes it", once);
    return 0;
}
