#pragma once
// One request in Ollama's native form, looked at in place: where its members are, and what the door must know
// of them. Strict, because the server behind it is not: Go's encoding/json matches keys case-insensitively
// (Unicode folding included) and lets the last duplicate win (facts/ollama.md), so whatever it could read
// differently is refused here.

#include "core/error.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace clawgate::ollama {

/// The native calls that carry a body of parameters.
enum class call_kind { chat, generate, embed, embeddings };

enum class json_kind { null, boolean, number, string, array, object };

/// One member of an object, by its place in the text.
struct json_member {
    std::string_view key;   ///< between the quotes, as it stands; never with an escape (those are refused)
    std::string_view value; ///< as it stands
    json_kind kind = json_kind::null;
    std::size_t begin = 0; ///< of the key's opening quote
    std::size_t end = 0;   ///< behind the value
};

inline constexpr std::size_t max_body_bytes = 64ull << 20;
inline constexpr unsigned max_json_depth = 64;

/// Of one object whose members the door reads.
inline constexpr std::size_t max_json_members = 4096;

/// The members of the object that `text` is. The whole text is validated: RFC 8259 syntax, UTF-8, depth,
/// nothing behind the object. A member's key may not be escaped, nor appear
/// twice, nor be one that Go would fold to another of them (`Model`, `ſtream` with U+017F, `K` as U+212A).
/// Errors: errc::bad_request with a sentence that names the key or the byte offset; errc::too_large beyond
/// max_json_members.
[[nodiscard]] result<std::vector<json_member>> scan_object(std::string_view text);
/// The elements of the array that `text` is, which scan_object has already validated.
[[nodiscard]] std::vector<std::string_view> scan_array(std::string_view text);
/// The text of a validated JSON string, unescaped, half of a surrogate pair as U+FFFD. Nothing when `value` is not a string.
[[nodiscard]] std::optional<std::string> json_string(std::string_view value);
/// `text` as a JSON string with its quotes.
[[nodiscard]] std::string quote_json(std::string_view text);

struct native_request {
    call_kind kind = call_kind::chat;
    std::string_view body;
    std::vector<json_member> members; ///< of the top level, in order
    std::vector<json_member> options; ///< of "options", empty when absent or null; places are in the body
    std::string model;                ///< empty when absent or null
    bool stream = true;               ///< what the caller asked for; Ollama's default
    bool unloads = false;             ///< keep_alive 0, or no prompt and no messages: load or unload

    [[nodiscard]] const json_member* find(std::string_view key) const noexcept;
    [[nodiscard]] const json_member* find_option(std::string_view key) const noexcept;
};

/// Errors, in Ollama's words where it has some (facts/ollama.md): `missing request body`, a wrong type of a
/// member that the door reads ("model" must be a string, "stream" a boolean, "options" an object or null,
/// "messages" an array or null …) as errc::bad_request.
[[nodiscard]] result<native_request> read_native(call_kind kind, std::string_view body);

/// One message of a chat. Its places are offsets into the request's body, so that they can be given to
/// edited_text.
struct native_message {
    std::string role;         ///< unescaped and in lower case, as Ollama reads it; empty when absent or null
    std::string_view text;    ///< the whole element
    std::size_t begin = 0;    ///< of the element in the body
    std::size_t end = 0;      ///< behind it
    std::string_view content; ///< the value of "content" as it stands; empty when there is no such member
    json_kind content_kind = json_kind::null; ///< string, or null when it is null or absent
    std::size_t content_begin = 0;            ///< in the body; 0 when there is no such member
    std::size_t content_end = 0;

    std::string_view thinking; ///< the values of these members as they stand; empty when absent or null
    std::string_view tool_calls;
    std::string_view tool_name;
    std::string_view tool_call_id;
};

/// What is kept of a message takes some hundred bytes, of "{}" as well.
inline constexpr std::size_t max_messages = 20'000;

/// The messages of a chat request, in order; none when "messages" is absent or null. As strict with the keys
/// of each message as read_native is with the request's. errc::bad_request, errc::too_large beyond
/// max_messages.
[[nodiscard]] result<std::vector<native_message>> read_messages(const native_request& r);

} // namespace clawgate::ollama
