#include "app/reply.hpp"

#include <boost/beast/http/status.hpp>
#include <nlohmann/json.hpp>

#include <ctime>

namespace clawgate::app {

reply json_error(int status, std::string_view code, std::string_view message, std::string_view hint) {
    nlohmann::ordered_json body;
    body["error"]["code"] = code;
    body["error"]["message"] = message;
    body["error"]["hint"] = hint;
    auto r = json_reply(status, body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
    r.error = problem{std::string{code}, std::string{message}, std::string{hint}};
    return r;
}

reply json_reply(int status, std::string body) {
    reply r;
    r.status = status;
    r.content_type = "application/json";
    r.body = std::move(body);
    return r;
}

reply html_reply(int status, std::string page, std::string policy) {
    reply r;
    r.status = status;
    r.content_type = "text/html; charset=utf-8";
    r.body = std::move(page);
    r.with("Content-Security-Policy", std::move(policy)).with("X-Frame-Options", "DENY");
    return r;
}

reply redirect(int status, std::string location) {
    reply r;
    r.status = status;
    r.with("Location", std::move(location));
    return r;
}

std::string_view reason_phrase(int status) noexcept {
    return boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status));
}

std::string_view http_date() {
    thread_local std::time_t made = 0;
    thread_local char text[40];
    thread_local std::size_t length = 0;
    const auto now = std::time(nullptr);
    if (now != made) {
        std::tm parts{};
        gmtime_r(&now, &parts);
        length = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT",
                               &parts); // the C locale: never changed
        made = now;
    }
    return {text, length};
}

std::string serialise(const reply& r, bool to_head, bool keep_alive, int minor_version) {
    std::string out;
    out.reserve(512 + r.body.size());
    const auto add = [&out](std::string_view name, std::string_view value) {
        out.append(name).append(": ").append(value).append("\r\n");
    };
    out.append("HTTP/1.1 ")
        .append(std::to_string(r.status))
        .append(" ")
        .append(reason_phrase(r.status))
        .append("\r\n");
    add("Date", http_date());
    if (!r.content_type.empty()) add("Content-Type", r.content_type);
    if (r.status != 204 && r.status != 304) add("Content-Length", std::to_string(r.body.size()));
    add("Cache-Control", "no-store");
    add("X-Content-Type-Options", "nosniff");
    bool has_referrer_policy = false;
    for (const auto& [name, value] : r.fields) {
        has_referrer_policy = has_referrer_policy || name == "Referrer-Policy";
        add(name, value);
    }
    // Not no-referrer: Chromium would then send "Origin: null" with the login form.
    if (!has_referrer_policy) add("Referrer-Policy", "same-origin");
    if (!keep_alive)
        add("Connection", "close");
    else if (minor_version == 0)
        add("Connection", "keep-alive");
    out.append("\r\n");
    if (!to_head) out.append(r.body);
    return out;
}

} // namespace clawgate::app
