#include "routing/inject.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>

namespace clawgate::routing {
namespace {

using net::field_name;

void add(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\r\n");
}

/// Fields that belong to this hop only, apart from what Connection names.
bool is_hop_by_hop(field_name id) noexcept {
    switch (id) {
    case field_name::connection:
    case field_name::keep_alive:
    case field_name::proxy_authenticate:
    case field_name::proxy_authorization:
    case field_name::proxy_connection:
    case field_name::te:
    case field_name::transfer_encoding:
    case field_name::upgrade: return true;
    default: return false;
    }
}

/// Fields of a request that are written anew or are not the agent's business.
bool is_replaced(field_name id) noexcept {
    switch (id) {
    case field_name::authorization:
    case field_name::cf_connecting_ip:
    case field_name::content_length:
    case field_name::cookie:
    case field_name::forwarding:
    case field_name::host:
    case field_name::origin:
    case field_name::sec_websocket_extensions:
    case field_name::x_forwarded_for:
    case field_name::x_forwarded_proto: return true;
    default: return false;
    }
}

bool named_by_connection(const net::field_list& fields, const net::field& f, bool any_named) {
    return any_named && fields.list_contains(field_name::connection, f.name);
}

/// Does Connection name anything beyond the usual options? Almost never: then the fields need no second look.
bool connection_names_fields(const net::field_list& fields) {
    for (const auto& f : fields)
        if (f.id == field_name::connection && !net::equal_ignoring_case(f.value, "keep-alive") &&
            !net::equal_ignoring_case(f.value, "close") && !net::equal_ignoring_case(f.value, "upgrade"))
            return true;
    return false;
}

void write_number(std::string& out, std::string_view name, std::uint64_t n) {
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof digits, n).ptr;
    add(out, name, {digits, static_cast<std::size_t>(end - digits)});
}

/// Would a browser keep it as a cookie that it sends under the name of one of ours? An agent shares its host
/// name with the others: it must not overwrite a browser's sessions with them. As browsers read it
/// (RFC 6265 section 5.2): white space around the name goes, case counts. Without a name it is sent as its
/// bare value, which can look like any name and value.
bool sets_own_cookie(std::string_view set_cookie) noexcept {
    const auto pair = set_cookie.substr(0, set_cookie.find(';'));
    const auto equals = pair.find('=');
    auto name = equals == std::string_view::npos ? std::string_view{} : pair.substr(0, equals);
    name.remove_prefix(std::min(name.find_first_not_of(" \t"), name.size()));
    return name.find_first_not_of(" \t") == std::string_view::npos || name.starts_with("clawgate-") ||
           name.starts_with("__Host-clawgate-");
}

using json = nlohmann::json;

constexpr int max_nesting = 64; // a connect request has five levels; JSON's destructor and printer recurse

/// Deepest nesting of arrays and objects. Looks at brackets outside of strings only: valid JSON or not.
int nesting(std::string_view text) noexcept {
    int depth = 0;
    int deepest = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\')
                ++i;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            deepest = std::max(deepest, ++depth);
        } else if (c == ']' || c == '}') {
            --depth;
        }
    }
    return deepest;
}

/// Discarded when it is not JSON, or nested too deeply to be handled safely: it comes from a stranger.
json parse_message(std::string_view message) {
    if (nesting(message) > max_nesting) return json(json::value_t::discarded);
    return json::parse(message, nullptr, false);
}

bool is_connect_request(const json& m) {
    return m.is_object() && m.value("type", json{}) == "req" && m.value("method", json{}) == "connect";
}

} // namespace

void write_agent_request(const net::request_head& head, const injection& what, std::string& out) {
    out.append(head.method).append(" ").append(head.target).append(" HTTP/1.1\r\n");
    add(out, "Host", what.host);
    const bool named = connection_names_fields(head.fields);
    for (const auto& f : head.fields) {
        if (is_hop_by_hop(f.id) || is_replaced(f.id)) continue;
        if (named_by_connection(head.fields, f, named)) continue;
        if (f.id == field_name::expect && !head.expect_continue) continue;
        add(out, f.name, f.value);
    }
    if (!what.origin.empty()) add(out, "Origin", what.origin);
    if (!what.cookies.empty()) add(out, "Cookie", what.cookies);
    if (what.credential == authorization::replace) {
        out.append("Authorization: Bearer ").append(what.agent_secret->reveal()).append("\r\n");
    } else if (what.credential == authorization::keep) {
        for (const auto& f : head.fields)
            if (f.id == field_name::authorization) add(out, "Authorization", f.value);
    }
    if (head.body == net::body_kind::chunked) {
        out.append("Transfer-Encoding: chunked\r\n");
    } else if (head.body == net::body_kind::length || head.fields.has(field_name::content_length)) {
        write_number(out, "Content-Length", head.content_length);
    }
    out.append(what.websocket ? "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
                              : "Connection: keep-alive\r\n\r\n");
}

void write_client_fields(const net::response_head& head, bool drop_cors, std::string& out) {
    const bool named = connection_names_fields(head.fields);
    for (const auto& f : head.fields) {
        if (is_hop_by_hop(f.id) || f.id == field_name::content_length) continue;
        if (f.id == field_name::sec_websocket_extensions) continue;
        if (drop_cors && f.id == field_name::access_control) continue;
        if (f.id == field_name::www_authenticate || f.id == field_name::clear_site_data) continue;
        if (f.id == field_name::set_cookie && sets_own_cookie(f.value)) continue;
        if (named_by_connection(head.fields, f, named)) continue;
        add(out, f.name, f.value);
    }
}

std::optional<secret> connect_password(std::string_view message) {
    const auto m = parse_message(message);
    if (!is_connect_request(m)) return std::nullopt;
    static const json::json_pointer where{"/params/auth/password"};
    if (!m.contains(where) || !m.at(where).is_string()) return std::nullopt;
    return secret{m.at(where).get<std::string>()};
}

result<std::string> with_connect_password(std::string_view message, const secret& agent_secret) {
    auto m = parse_message(message);
    if (m.is_discarded())
        return error{errc::bad_request, fault::client, retry::never, "the first message is not JSON"};
    if (!is_connect_request(m)) return std::string{message};
    auto& params = m["params"];
    if (!params.is_object()) params = json::object();
    auto& auth = params["auth"];
    if (!auth.is_object()) auth = json::object();
    auth["password"] = agent_secret.reveal();
    return m.dump();
}

} // namespace clawgate::routing
