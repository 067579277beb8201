#pragma once
// Answers of the gateway itself, as values.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace clawgate::app {

/// What an error answer says, for interfaces that write it in another form.
struct problem {
    std::string code;
    std::string message;
    std::string hint;
};

struct reply {
    int status = 0; ///< 0 = none yet
    std::string content_type;
    std::string body;
    std::vector<std::pair<std::string, std::string>> fields;
    bool close = false;           ///< end the connection afterwards
    std::optional<problem> error; ///< set by json_error()

    reply& with(std::string name, std::string value) {
        fields.emplace_back(std::move(name), std::move(value));
        return *this;
    }
};

/// {"error":{"code","message","hint"}}. Any bytes may come in; the JSON is always valid.
[[nodiscard]] reply json_error(int status, std::string_view code, std::string_view message,
                               std::string_view hint);
[[nodiscard]] reply json_reply(int status, std::string body);
/// A page of ours with its Content-Security-Policy.
[[nodiscard]] reply html_reply(int status, std::string page, std::string policy);
[[nodiscard]] reply redirect(int status, std::string location);

/// The standard text, "Not Found".
[[nodiscard]] std::string_view reason_phrase(int status) noexcept;

/// Head (and body, unless `to_head`) as bytes. Adds Date, Content-Length, Cache-Control: no-store and the
/// security headers.
[[nodiscard]] std::string serialise(const reply& r, bool to_head, bool keep_alive, int minor_version);

/// The current time as RFC 9110 section 5.6.7 wants it; made anew once a second a thread.
[[nodiscard]] std::string_view http_date();

} // namespace clawgate::app
