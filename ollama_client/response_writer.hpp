#pragma once
// What a caller of the door gets, in the form of the interface that it called. The server is always asked for
// a stream of native records; one writer per call turns them into the caller's form. No I/O: records in,
// bytes out.

#include <memory>
#include <string>
#include <string_view>

namespace clawgate::ollama {

class response_writer {
public:
    virtual ~response_writer() = default;

    /// Of a successful answer.
    [[nodiscard]] virtual std::string_view content_type() const = 0;
    /// False: everything comes at the end, as one object; before it only white space may be sent.
    [[nodiscard]] virtual bool streams() const = 0;

    /// One record of the server, a complete line of NDJSON without its line end, that is a JSON object
    /// without "error". Appends what is to be sent now. The last record has "done":true.
    virtual void record(std::string_view line, std::string& out) = 0;
    /// A sign of life that clients ignore (streams: an empty record or a comment; otherwise a space).
    virtual void heartbeat(std::string& out) = 0;
    /// The call failed after the head was sent: a well-formed error in the caller's form, and its end.
    virtual void fail(int status, std::string_view message, std::string& out) = 0;
    /// The body of an error answer when nothing was sent yet.
    [[nodiscard]] virtual std::string error_body(int status, std::string_view message) const = 0;
};

/// {"error":"message"}, as Ollama writes it.
[[nodiscard]] std::string native_error(std::string_view message);
/// Is this record the last one ("done":true at its top level)? Any valid record of chat and generate.
[[nodiscard]] bool is_final_record(std::string_view line);
/// The text of a record {"error":"…"}, or nothing when it is not one.
[[nodiscard]] std::string error_of_record(std::string_view line);

} // namespace clawgate::ollama
