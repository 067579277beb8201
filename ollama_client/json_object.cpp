#include "ollama_client/json_object.hpp"

#include <algorithm>
#include <utility>

namespace clawgate::ollama {
namespace {

constexpr std::size_t longest_shown_key = 64;

struct folded_character {
    char as = 0;
    std::size_t length = 1;
};

// The first character of `rest` as fold_key() writes it: ASCII, or a byte of something else.
folded_character fold_first(std::string_view rest) noexcept {
    const char c = rest[0];
    if (c >= 'A' && c <= 'Z') return {static_cast<char>(c - 'A' + 'a'), 1};
    if (rest.starts_with("\u017f")) return {'s', 2};
    if (rest.starts_with("\u212a")) return {'k', 3};
    return {c, 1};
}

bool same_folded(std::string_view a, std::string_view b) noexcept {
    while (!a.empty() && !b.empty()) {
        const auto x = fold_first(a), y = fold_first(b);
        if (x.as != y.as) return false;
        a.remove_prefix(x.length);
        b.remove_prefix(y.length);
    }
    return a.empty() && b.empty();
}

// Go's decoder keeps the last of two such members, another decoder the first, and a third may merge them.
error repeated(std::string_view first, std::string_view second) {
    if (first == second) return bad_request(shown_key(first) + " appears twice");
    return bad_request(shown_key(first) + " and " + shown_key(second) + " are the same key to Ollama");
}

result<void> check_unique_of_many(const std::vector<json_member>& members) {
    std::vector<std::pair<std::string, const json_member*>> folded;
    folded.reserve(members.size());
    for (const auto& m : members)
        folded.emplace_back(fold_key(m.key), &m);
    std::sort(folded.begin(), folded.end());
    const auto same =
        std::adjacent_find(folded.begin(), folded.end(), [](auto& a, auto& b) { return a.first == b.first; });
    if (same == folded.end()) return {};
    return repeated(same->second->key, std::next(same)->second->key);
}

result<void> check_unique(const std::vector<json_member>& members) {
    if (members.size() > 24) return check_unique_of_many(members); // messages have few, and are many
    for (std::size_t i = 1; i < members.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
            if (same_folded(members[j].key, members[i].key)) return repeated(members[j].key, members[i].key);
    return {};
}

} // namespace

error bad_request(std::string sentence) {
    return error{errc::bad_request, fault::client, retry::never, std::move(sentence)};
}

std::string fold_key(std::string_view key) {
    std::string out;
    out.reserve(key.size());
    while (!key.empty()) {
        const auto first = fold_first(key);
        out += first.as;
        key.remove_prefix(first.length);
    }
    return out;
}

std::string shown_key(std::string_view key) {
    if (key.size() <= longest_shown_key) return '"' + std::string{key} + '"';
    auto cut = longest_shown_key;
    while (cut > 0 && (static_cast<unsigned char>(key[cut]) & 0xc0) == 0x80)
        --cut;
    return '"' + std::string{key.substr(0, cut)} + "…\"";
}

result<void> read_members(json_scanner& scanner, std::string_view text, std::size_t base,
                          std::vector<json_member>& out) {
    out.clear();
    const auto refused = [&](std::string_view what) {
        (void)scanner.fail(what);
        return scanner.failure();
    };
    if (!scanner.take('{')) return refused("expected '{'");
    scanner.skip_space();
    if (scanner.take('}')) return {};
    do {
        if (out.size() == max_json_members)
            return error{errc::too_large, fault::client, retry::never,
                         "an object with more than " + std::to_string(max_json_members) + " members"};
        scanner.skip_space();
        if (scanner.peek() != '"') return refused("expected a key in double quotes");
        json_member m;
        m.begin = scanner.position();
        if (!scanner.skip_string()) return scanner.failure();
        m.key = text.substr(m.begin + 1, scanner.position() - m.begin - 2);
        if (m.key.find('\\') != m.key.npos)
            return bad_request("the key " + shown_key(m.key) + " is written with an escape");
        scanner.skip_space();
        if (!scanner.take(':')) return refused("expected ':'");
        scanner.skip_space();
        const auto value = scanner.position();
        m.kind = kind_at(scanner.peek());
        if (!scanner.skip_value()) return scanner.failure();
        m.value = text.substr(value, scanner.position() - value);
        m.begin += base;
        m.end = base + scanner.position();
        out.push_back(m);
        scanner.skip_space();
    } while (scanner.take(','));
    if (!scanner.take('}')) return refused("expected ',' or '}'");
    return check_unique(out);
}

} // namespace clawgate::ollama
