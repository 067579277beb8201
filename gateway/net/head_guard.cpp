#include "net/head_guard.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace clawgate::net {
namespace {

enum char_class : std::uint8_t {
    token_char = 1,  // RFC 9110 5.6.2 tchar
    value_char = 2,  // field-vchar, SP, HTAB, obs-text: everything but controls
    target_char = 4, // visible ASCII without '#': a fragment never belongs in a request
    host_char = 8,   // RFC 3986 reg-name, IP-literal and port, without user info
};

constexpr auto classes = [] {
    std::array<std::uint8_t, 256> t{};
    for (int c = 0; c < 256; ++c) {
        const bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        const auto one_of = [c](std::string_view s) { return s.find(static_cast<char>(c)) != s.npos; };
        if (alnum || (c < 128 && c > 32 && one_of("!#$%&'*+-.^_`|~"))) t[c] |= token_char;
        if ((c >= 32 && c != 127) || c == '\t') t[c] |= value_char;
        if (c > 32 && c < 127 && c != '#') t[c] |= target_char;
        if (alnum || (c < 128 && c > 32 && one_of("-._~!$&'()*+;=:[]%"))) t[c] |= host_char;
    }
    return t;
}();

bool all_of_class(std::string_view s, char_class wanted) noexcept {
    for (const char c : s)
        if (!(classes[static_cast<unsigned char>(c)] & wanted)) return false;
    return true;
}

error bad(std::string_view why) {
    return error{errc::bad_request, fault::client, retry::never, std::string{why}};
}

std::string_view trim(std::string_view s) noexcept {
    while (!s.empty() && (s.front() == ' ' || s.front() == '\t'))
        s.remove_prefix(1);
    while (!s.empty() && (s.back() == ' ' || s.back() == '\t'))
        s.remove_suffix(1);
    return s;
}

/// Takes the line up to CRLF off the front. A CR or LF anywhere else in it is an error of the caller's field
/// check.
bool take_line(std::string_view& rest, std::string_view& line) noexcept {
    const auto end = rest.find('\n');
    if (end == rest.npos || end == 0 || rest[end - 1] != '\r') return false;
    line = rest.substr(0, end - 1);
    rest.remove_prefix(end + 1);
    return true;
}

result<void> parse_fields(std::string_view rest, field_list& out) {
    out.clear();
    for (;;) {
        std::string_view line;
        if (!take_line(rest, line)) return bad("a line of the head does not end with CRLF");
        if (line.empty()) {
            if (!rest.empty()) return bad("bytes behind the end of the head");
            return {};
        }
        if (out.size() == max_fields)
            return error{errc::too_large, fault::client, retry::never, "more than 128 header fields"};
        auto f = parse_field_line(line);
        if (!f) return f.error();
        out.push_back(*f);
    }
}

struct framing {
    body_kind body = body_kind::none;
    std::uint64_t length = 0;
};

/// RFC 9112 section 6.3, without its leniency.
result<framing> read_framing(const field_list& fields, int minor_version) {
    framing f;
    const auto lengths = fields.count(field_name::content_length);
    const auto codings = fields.count(field_name::transfer_encoding);
    if (lengths > 1) return bad("more than one Content-Length");
    if (codings > 1) return bad("more than one Transfer-Encoding");
    if (lengths && codings) return bad("both Content-Length and Transfer-Encoding");
    if (codings) {
        if (minor_version == 0) return bad("Transfer-Encoding in an HTTP/1.0 message");
        if (!equal_ignoring_case(fields.get(field_name::transfer_encoding), "chunked"))
            return bad("a Transfer-Encoding other than chunked");
        f.body = body_kind::chunked;
    } else if (lengths) {
        const auto text = fields.get(field_name::content_length);
        if (text.empty() || text.size() > 18 ||
            !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }))
            return bad("a Content-Length that is not a decimal number");
        std::from_chars(text.data(), text.data() + text.size(), f.length);
        f.body = body_kind::length;
    }
    return f;
}

bool wants_keep_alive(const field_list& fields, int minor_version) noexcept {
    if (fields.list_contains(field_name::connection, "close")) return false;
    return minor_version == 1 || fields.list_contains(field_name::connection, "keep-alive");
}

verb to_verb(std::string_view m) noexcept {
    if (m == "GET") return verb::get;
    if (m == "HEAD") return verb::head;
    if (m == "POST") return verb::post;
    if (m == "PUT") return verb::put;
    if (m == "PATCH") return verb::patch;
    if (m == "DELETE") return verb::del;
    if (m == "OPTIONS") return verb::options;
    return verb::other;
}

result<void> parse_request_line(std::string_view line, request_head& out) {
    const auto first = line.find(' ');
    const auto last = line.rfind(' ');
    if (first == line.npos || first == last) return bad("the request line is not METHOD TARGET VERSION");
    out.method = line.substr(0, first);
    out.target = line.substr(first + 1, last - first - 1);
    const auto version = line.substr(last + 1);

    if (out.method.empty() || out.method.size() > 32 || !all_of_class(out.method, token_char))
        return bad("the method is not a token");
    if (version == "HTTP/1.1") {
        out.minor_version = 1;
    } else if (version == "HTTP/1.0") {
        out.minor_version = 0;
    } else if (version.size() == 8 && version.starts_with("HTTP/") && version[6] == '.') {
        return error{errc::not_found, fault::client, retry::never,
                     "only HTTP/1.1 and HTTP/1.0 are spoken here"};
    } else {
        return bad("the version is not HTTP/1.1 or HTTP/1.0");
    }
    if (out.target.empty() || out.target.front() != '/')
        return bad("the target does not begin with '/' (only origin-form is served)");
    if (!all_of_class(out.target, target_char))
        return bad("the target has a character that must be percent-encoded");

    out.method_id = to_verb(out.method);
    if (out.method == "CONNECT" || out.method == "TRACE") return bad("this method is not served");
    const auto question = out.target.find('?');
    out.path = out.target.substr(0, question);
    out.query = question == out.target.npos ? std::string_view{} : out.target.substr(question + 1);
    return {};
}

result<void> check_host(const field_list& fields) {
    if (fields.count(field_name::host) != 1) return bad("not exactly one Host field");
    const auto host = fields.get(field_name::host);
    if (host.empty() || host.size() > 300 || !all_of_class(host, host_char))
        return bad("the Host field is not a host");
    return {};
}

} // namespace

std::string_view field_list::get(field_name id) const noexcept {
    for (const auto& f : fields_)
        if (f.id == id) return f.value;
    return {};
}

bool field_list::has(field_name id) const noexcept {
    return std::ranges::any_of(fields_, [id](const field& f) { return f.id == id; });
}

std::size_t field_list::count(field_name id) const noexcept {
    return static_cast<std::size_t>(std::ranges::count(fields_, id, &field::id));
}

bool field_list::list_contains(field_name id, std::string_view token) const noexcept {
    return std::ranges::any_of(
        fields_, [&](const field& f) { return f.id == id && net::list_contains(f.value, token); });
}

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [&](char x, char y) { return lower(x) == lower(y); });
}

bool list_contains(std::string_view value, std::string_view token) noexcept {
    while (!value.empty()) {
        const auto comma = value.find(',');
        if (equal_ignoring_case(trim(value.substr(0, comma)), token)) return true;
        if (comma == value.npos) break;
        value.remove_prefix(comma + 1);
    }
    return false;
}

std::size_t find_head_end(std::string_view bytes, std::size_t& searched) noexcept {
    // Step back so that an empty line cut in two by a read is still found.
    const auto from = searched > 3 ? searched - 3 : 0;
    const auto at = bytes.find("\r\n\r\n", from);
    searched = bytes.size();
    return at == bytes.npos ? 0 : at + 4;
}

result<field> parse_field_line(std::string_view line) {
    if (!line.empty() && (line.front() == ' ' || line.front() == '\t'))
        return bad("a folded header line (obs-fold)");
    const auto colon = line.find(':');
    if (colon == line.npos) return bad("a header line without a colon");
    field f;
    f.name = line.substr(0, colon);
    if (f.name.empty() || !all_of_class(f.name, token_char)) return bad("a header name that is not a token");
    const auto raw = line.substr(colon + 1);
    if (!all_of_class(raw, value_char)) return bad("a control character in a header value");
    f.value = trim(raw);
    f.id = classify(f.name);
    return f;
}

result<void> parse_request(std::string_view head, request_head& out) {
    std::string_view line;
    if (!take_line(head, line)) return bad("the request line does not end with CRLF");
    if (auto r = parse_request_line(line, out); !r) return r;
    if (auto r = parse_fields(head, out.fields); !r) return r;
    if (auto r = check_host(out.fields); !r) return r;
    const auto f = read_framing(out.fields, out.minor_version);
    if (!f) return f.error();
    out.body = f->body;
    out.content_length = f->length;
    if (out.body == body_kind::length && out.content_length == 0) out.body = body_kind::none;
    out.keep_alive = wants_keep_alive(out.fields, out.minor_version);

    out.expect_continue = false;
    if (const auto expects = out.fields.count(field_name::expect)) {
        if (expects > 1) return bad("more than one Expect");
        if (!equal_ignoring_case(out.fields.get(field_name::expect), "100-continue"))
            return bad("an Expect other than 100-continue");
        out.expect_continue = out.body != body_kind::none && out.minor_version == 1;
    }
    out.websocket = out.method_id == verb::get && out.minor_version == 1 && out.body == body_kind::none &&
                    out.fields.list_contains(field_name::upgrade, "websocket") &&
                    out.fields.list_contains(field_name::connection, "upgrade");
    if (out.websocket && (out.fields.count(field_name::sec_websocket_key) != 1 ||
                          out.fields.get(field_name::sec_websocket_version) != "13"))
        return bad("an upgrade to WebSocket without one Sec-WebSocket-Key and version 13");
    return {};
}

result<void> parse_response(std::string_view head, bool to_head, response_head& out) {
    const auto upstream = [](std::string_view why) {
        return error{errc::bad_upstream, fault::upstream, retry::never, std::string{why}};
    };
    std::string_view line;
    if (!take_line(head, line)) return upstream("the status line does not end with CRLF");
    const bool version_ok = line.starts_with("HTTP/1.1 ") || line.starts_with("HTTP/1.0 ");
    if (!version_ok || line.size() < 12 || (line.size() > 12 && line[12] != ' '))
        return upstream("a bad status line");
    out.minor_version = line[7] - '0';
    const auto [end, ec] = std::from_chars(line.data() + 9, line.data() + 12, out.status);
    if (ec != std::errc{} || end != line.data() + 12 || out.status < 100 || out.status > 599)
        return upstream("a bad status code");
    out.reason = line.size() > 13 ? line.substr(13) : std::string_view{};
    if (!all_of_class(out.reason, value_char)) return upstream("a control character in the status line");

    if (auto r = parse_fields(head, out.fields); !r) return upstream(r.error().detail);
    const auto f = read_framing(out.fields, out.minor_version);
    if (!f) return upstream(f.error().detail);
    out.content_length = f->length;
    out.keep_alive = wants_keep_alive(out.fields, out.minor_version);
    // RFC 9112 section 6.3: the first rules win over what the fields say.
    if (to_head || out.status < 200 || out.status == 204 || out.status == 304) {
        out.body = body_kind::none;
    } else if (f->body == body_kind::none) {
        out.body = body_kind::until_close;
        out.keep_alive = false;
    } else {
        out.body = f->body == body_kind::length && f->length == 0 ? body_kind::none : f->body;
    }
    return {};
}

result<std::string> normalise_path(std::string_view path) {
    const auto hex = [](char c) {
        return c >= '0' && c <= '9'   ? c - '0'
               : c >= 'a' && c <= 'f' ? c - 'a' + 10
               : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                      : -1;
    };
    std::string decoded;
    decoded.reserve(path.size());
    for (std::size_t i = 0; i < path.size(); ++i) {
        if (path[i] != '%') {
            decoded.push_back(path[i]);
            continue;
        }
        const int high = i + 2 < path.size() ? hex(path[i + 1]) : -1;
        const int low = i + 2 < path.size() ? hex(path[i + 2]) : -1;
        if (high < 0 || low < 0)
            return bad("a '%' in the path that is not followed by two hexadecimal digits");
        const auto byte = static_cast<unsigned char>(high * 16 + low);
        if (byte == 0) return bad("an encoded NUL in the path");
        const bool unreserved =
            (classes[byte] & token_char) &&
            std::string_view{"!#$%&'*+^`|"}.find(static_cast<char>(byte)) == std::string_view::npos;
        if (unreserved)
            decoded.push_back(static_cast<char>(byte));
        else
            decoded.append(path.substr(i, 3));
        i += 2;
    }

    std::string out;
    std::string_view rest{decoded};
    while (!rest.empty()) {
        rest.remove_prefix(1); // the '/' that every segment begins with
        const auto slash = rest.find('/');
        const auto segment = rest.substr(0, slash);
        const bool last = slash == rest.npos;
        if (segment == "..") {
            if (out.empty()) return bad("the path climbs above its root");
            out.resize(out.rfind('/'));
            if (last) out.push_back('/');
        } else if (segment == "." || segment.empty()) {
            if (last) out.push_back('/');
        } else {
            out.push_back('/');
            out.append(segment);
        }
        rest = last ? std::string_view{} : rest.substr(slash);
    }
    if (out.empty()) out.push_back('/');
    return out;
}

} // namespace clawgate::net
