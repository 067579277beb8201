#include "pod/manifest.hpp"

#include "core/encoding.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace clawgate::pod {
namespace {

using nlohmann::json;

constexpr std::size_t longest_path = 4096;

std::vector<std::string_view> components_of(std::string_view path) {
    std::vector<std::string_view> out;
    while (true) {
        const auto end = path.find('/');
        out.push_back(path.substr(0, end));
        if (end == path.npos) return out;
        path.remove_prefix(end + 1);
    }
}

// File names are bytes, JSON is UTF-8.
std::string encode(std::string_view path) {
    std::string out;
    for (const auto part : components_of(path))
        out += percent_encode(part) + "/";
    out.pop_back();
    return out;
}

std::string_view name_of(node type) {
    switch (type) {
    case node::folder: return "folder";
    case node::link: return "link";
    default: return "file";
    }
}

json to_json(const manifest_entry& e) {
    json out{{"path", encode(e.path)}, {"type", name_of(e.type)}, {"mode", e.mode}, {"mtime", e.mtime}};
    if (e.type == node::file) out.update({{"size", e.size}, {"sha256", e.sha256}});
    if (e.type == node::link) out["target"] = percent_encode(e.target);
    if (e.damaged) out["damaged"] = true;
    return out;
}

error broken(std::string why) {
    return error{errc::corrupt, fault::gateway, retry::never,
                 "the list of files is damaged: " + std::move(why)};
}

bool is_sha256(std::string_view text) {
    return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == text.npos;
}

std::string text_at(const json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

template <class Number>
Number number_at(const json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_number_integer() ? found->get<Number>() : Number{};
}

result<manifest_entry> parse_entry(const json& object) {
    if (!object.is_object()) return broken("an entry is not an object");
    manifest_entry e;
    const auto path = percent_decode(text_at(object, "path"));
    if (!path) return broken("a path is not encoded");
    e.path = *path;
    if (auto wrong = check_member_path(e.path); !wrong.empty()) return broken(wrong);
    const auto type = text_at(object, "type");
    if (type == "folder")
        e.type = node::folder;
    else if (type == "link")
        e.type = node::link;
    else if (type != "file")
        return broken(printable(e.path) + " is of an unknown type");
    e.mode = number_at<unsigned>(object, "mode") & 0777u;
    e.mtime = number_at<std::int64_t>(object, "mtime");
    e.size = number_at<std::uint64_t>(object, "size");
    e.sha256 = text_at(object, "sha256");
    e.damaged = object.contains("damaged");
    if (e.type == node::file && !is_sha256(e.sha256)) return broken(printable(e.path) + " has no checksum");
    const auto target = percent_decode(text_at(object, "target"));
    if (e.type == node::link && (!target || target->empty()))
        return broken(printable(e.path) + " points nowhere");
    if (target) e.target = *target;
    return e;
}

} // namespace

std::uint64_t manifest::bytes() const {
    std::uint64_t sum = 0;
    for (const auto& e : entries)
        sum += e.size;
    return sum;
}

std::size_t manifest::files() const {
    return static_cast<std::size_t>(
        std::count_if(entries.begin(), entries.end(), [](const auto& e) { return e.type == node::file; }));
}

bool manifest::has_damage() const {
    return std::any_of(entries.begin(), entries.end(), [](const auto& e) { return e.damaged; });
}

std::string to_json(const manifest& m) {
    json files = json::array();
    for (const auto& e : m.entries)
        files.push_back(to_json(e));
    const json out{{"format", "clawgate-" + m.kind},
                   {"version", manifest::version},
                   {"id", m.id},
                   {"agent", m.agent},
                   {"created", m.created},
                   {"withoutSecrets", m.without_secrets},
                   {"entries", std::move(files)},
                   {"notes", m.remarks}};
    return out.dump(1, '\t', false, json::error_handler_t::replace) + "\n";
}

result<manifest> parse_manifest(std::string_view text, std::string_view kind) {
    // Its own writer nests three levels; deeper ones would only exhaust the stack.
    const auto shallow = [](int depth, json::parse_event_t, json&) { return depth <= 4; };
    const auto whole = json::parse(text, shallow, false);
    if (!whole.is_object()) return broken("it is not JSON");
    manifest m;
    m.kind = kind;
    if (text_at(whole, "format") != "clawgate-" + m.kind) return broken("it is not that of a " + m.kind);
    if (const auto version = number_at<int>(whole, "version"); version != manifest::version)
        return error{errc::corrupt, fault::gateway, retry::never,
                     "it has format version " + std::to_string(version) + "; this program knows version " +
                         std::to_string(manifest::version)};
    m.id = text_at(whole, "id");
    m.agent = text_at(whole, "agent");
    m.created = text_at(whole, "created");
    m.without_secrets = whole.value("withoutSecrets", json{}) == json(true);
    const auto entries = whole.find("entries");
    if (entries == whole.end() || !entries->is_array()) return broken("it names no files");
    for (const auto& object : *entries) {
        auto e = parse_entry(object);
        if (!e) return e.error();
        m.entries.push_back(std::move(*e));
    }
    if (const auto remarks = whole.find("notes"); remarks != whole.end() && remarks->is_array())
        for (const auto& each : *remarks)
            if (each.is_string()) m.remarks.push_back(each.get<std::string>());
    return m;
}

std::string check_member_path(std::string_view path) {
    const auto complain = [&](std::string_view why) {
        return "'" + printable(path) + "' " + std::string{why};
    };
    if (path.empty()) return "an empty path";
    if (path.size() > longest_path) return complain("is too long");
    if (path.find('\0') != path.npos) return complain("holds a NUL");
    if (path.front() == '/') return complain("is an absolute path");
    for (const auto part : components_of(path)) {
        if (part.empty() || part == ".") return complain("has an empty component");
        if (part == "..") return complain("leads out of its folder");
        if (part.size() > 255) return complain("has a name that is too long");
    }
    return {};
}

std::string check_link_target(std::string_view path, std::string_view target) {
    const auto complain = [&](std::string_view why) {
        return "the link '" + printable(path) + "' → '" + printable(target) + "' " + std::string{why};
    };
    if (target.empty() || target.size() > longest_path || target.find('\0') != target.npos)
        return complain("has no valid target");
    if (target.front() == '/') return complain("leads out of its folder");
    // The folders on the way to a link are real ones. Names on the way of its target may be links themselves,
    // so ".." counts only while nothing but ".." came before it.
    auto depth = static_cast<std::ptrdiff_t>(components_of(path).size()) - 1;
    if (depth < 1) return complain("stands in the place of a folder");
    bool descending = false;
    for (const auto part : components_of(target)) {
        if (part.empty() || part == ".") continue;
        if (part != "..") {
            descending = true;
            continue;
        }
        if (descending || --depth < 1) return complain("leads out of its folder"); // 1: the top folder itself
    }
    return {};
}

std::string printable(std::string_view text) {
    static constexpr std::size_t longest = 200;
    static constexpr char hex[] = "0123456789abcdef";
    std::string out;
    for (const char c : text.substr(0, longest)) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte >= 0x7f)
            out += {'\\', 'x', hex[byte >> 4], hex[byte & 15]};
        else
            out += c;
    }
    return text.size() > longest ? out + "…" : out;
}

} // namespace clawgate::pod
