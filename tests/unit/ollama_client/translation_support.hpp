#pragma once
// What the tests of the translations share.

#include "ollama_client/json_fields.hpp"
#include "ollama_client/translation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace clawgate::ollama::test {

/// The native request that `body` becomes; fails the test when it is refused.
template <class Translate>
ordered_json native_of(Translate translate, const std::string& body) {
    const auto r = translate(body, "id1");
    if (!r) {
        ADD_FAILURE() << r.error().detail << "\nfor " << body;
        return nullptr;
    }
    return ordered_json::parse(r->body);
}

/// Why `body` is refused; fails the test when it is not.
template <class Translate>
std::string refusal_of(Translate translate, const std::string& body) {
    const auto r = translate(body, "id1");
    if (r) {
        ADD_FAILURE() << "accepted: " << body;
        return {};
    }
    EXPECT_EQ(r.error().code, errc::bad_request);
    EXPECT_EQ(r.error().whose, fault::client);
    return r.error().detail;
}

/// What the caller is sent for these records.
template <class Translate>
std::string answer_to(Translate translate, const std::string& body, const std::vector<std::string>& records) {
    auto r = translate(body, "id1");
    if (!r) {
        ADD_FAILURE() << r.error().detail;
        return {};
    }
    std::string out;
    for (const auto& line : records)
        r->writer->record(line, out);
    return out;
}

struct event {
    std::string name; ///< empty when the event has none
    std::string data;
};

/// The events of a stream as a client reads them; comments are left out. Fails the test on anything else.
inline std::vector<event> events_of(std::string_view stream) {
    std::vector<event> out;
    while (!stream.empty()) {
        const auto end = stream.find("\n\n");
        if (end == std::string_view::npos) {
            ADD_FAILURE() << "an event without its end: " << stream;
            break;
        }
        auto text = stream.substr(0, end);
        stream.remove_prefix(end + 2);
        event e;
        while (!text.empty()) {
            const auto line = text.substr(0, text.find('\n'));
            text.remove_prefix(std::min(text.size(), line.size() + 1));
            if (line.starts_with("event: "))
                e.name = line.substr(7);
            else if (line.starts_with("data: "))
                e.data += line.substr(6);
            else if (!line.starts_with(':'))
                ADD_FAILURE() << "not a line of an event: " << line;
        }
        if (!e.data.empty()) out.push_back(std::move(e));
    }
    return out;
}

} // namespace clawgate::ollama::test
