#include "core/encoding.hpp"
#include "ollama_client/json_fields.hpp"
#include "ollama_client/translation.hpp"

#include <bit>

namespace clawgate::ollama {

namespace {

error bad_answer(std::string sentence) {
    return error{errc::bad_upstream, fault::upstream, retry::never, std::move(sentence)};
}

ordered_json read_input(fields& f) {
    auto* const input = f.find("input");
    if (input == nullptr) {
        f.refuse("input", "is required");
        return nullptr;
    }
    if (input->is_array() && !input->empty() && (input->front().is_number() || input->front().is_array())) {
        f.refuse("input", "must be text: lists of tokens are not supported");
        return nullptr;
    }
    auto list = string_list(f, "input");
    if (list.empty()) f.refuse("input", "is empty");
    return list;
}

bool is_vector(const ordered_json& v) {
    if (!v.is_array()) return false;
    for (const auto& number : v)
        if (!number.is_number()) return false;
    return true;
}

// Little-endian floats, one after another.
std::string packed(const ordered_json& vector) {
    std::string bytes;
    bytes.reserve(vector.size() * sizeof(float));
    for (const auto& number : vector) {
        const auto bits = std::bit_cast<std::uint32_t>(number.get<float>());
        for (unsigned shift = 0; shift < 32; shift += 8)
            bytes += static_cast<char>((bits >> shift) & 0xFF);
    }
    return base64_encode(bytes);
}

} // namespace

result<translated_embeddings> translate_embeddings(std::string_view body) {
    json_parser parser;
    auto tree = parse_body(parser, body);
    if (!tree) return tree.error();
    first_error errors;
    fields f{*tree, {}, errors};

    translated_embeddings out;
    out.model = f.require_string("model");
    if (out.model.empty()) errors.add("model is required");
    const auto encoding = f.take_string("encoding_format").value_or("float");
    out.base64 = encoding == "base64";
    if (!out.base64 && encoding != "float")
        f.refuse("encoding_format", shown(encoding) + " is not known: float or base64");

    ordered_json native;
    native["model"] = out.model;
    native["input"] = read_input(f);
    f.copy_positive("dimensions", native, "dimensions");
    if (errors.any()) return errors.get();
    out.body = dump(native);
    return out;
}

result<std::string> embeddings_answer(const translated_embeddings& r, std::string_view native_answer) {
    auto tree = ordered_json::parse(native_answer.begin(), native_answer.end(), nullptr, false);
    if (!tree.is_object() || !tree.contains("embeddings") || !tree["embeddings"].is_array())
        return bad_answer("the model server's answer has no embeddings");
    ordered_json out;
    out["object"] = "list";
    out["data"] = ordered_json::array();
    for (auto& vector : tree["embeddings"]) {
        if (!is_vector(vector))
            return bad_answer("the model server's answer has an embedding that is not numbers");
        ordered_json one;
        one["object"] = "embedding";
        one["index"] = out["data"].size();
        one["embedding"] = r.base64 ? ordered_json(packed(vector)) : std::move(vector);
        out["data"].push_back(std::move(one));
    }
    out["model"] = r.model;
    const auto tokens = tree.find("prompt_eval_count");
    const auto count = tokens != tree.end() && tokens->is_number_unsigned() ? tokens->get<std::uint64_t>()
                                                                            : std::uint64_t{0};
    out["usage"]["prompt_tokens"] = count;
    out["usage"]["total_tokens"] = count;
    return dump(out);
}

} // namespace clawgate::ollama
