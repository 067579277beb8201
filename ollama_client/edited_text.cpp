#include "ollama_client/edited_text.hpp"

#include <algorithm>

namespace clawgate::ollama {

void edited_text::replace(std::size_t begin, std::size_t end, std::string with) {
    if (begin == end && with.empty()) return;
    // An insertion stands before a part that is replaced from the same place on, whichever was given first.
    const auto place =
        std::upper_bound(edits_.begin(), edits_.end(), begin, [end](std::size_t at, const edit& e) {
            return at < e.begin || (at == e.begin && at == end && e.begin != e.end);
        });
    edits_.insert(place, edit{begin, end, std::move(with)});
}

std::size_t edited_text::size() const noexcept {
    auto n = original_.size();
    for (const auto& e : edits_)
        n += e.with.size() - (e.end - e.begin);
    return n;
}

std::vector<std::string_view> edited_text::pieces() const {
    std::vector<std::string_view> out;
    out.reserve(2 * edits_.size() + 1);
    std::size_t at = 0;
    for (const auto& e : edits_) {
        if (e.begin > at) out.push_back(original_.substr(at, e.begin - at));
        if (!e.with.empty()) out.push_back(e.with);
        at = e.end;
    }
    if (at < original_.size()) out.push_back(original_.substr(at));
    return out;
}

std::string edited_text::str() const {
    std::string out;
    out.reserve(size());
    for (const auto piece : pieces())
        out.append(piece);
    return out;
}

} // namespace clawgate::ollama
