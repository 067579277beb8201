#pragma once
// Moves one body from a peer to another: streamed, with back-pressure, never held as a whole.

#include "net/body.hpp"
#include "net/stream.hpp"

namespace clawgate::net {

/// Told what a relay waits for, so that deadlines move. Called on the worker's thread, between operations.
class relay_observer {
public:
    virtual ~relay_observer() = default;
    virtual void waits_for_source() = 0;
    virtual void waits_for_sink() = 0;
    /// True: give up at the next chance.
    [[nodiscard]] virtual bool stopped() const = 0;
};

enum class relay_outcome {
    complete,
    source_failed, ///< the sender left, or was cancelled, before the end
    malformed,     ///< the sender's framing is broken, or the body is over its limit
    sink_failed,   ///< the receiver does not take it
};

struct relay_end {
    relay_outcome outcome = relay_outcome::complete;
    errc code = errc::closed;
    std::string detail;
};

/// The blocks that bodies are read into.
struct block_pools {
    block_pool small{small_block};
    block_pool large{large_block};
    /// For bytes that are passed on before anybody else runs on this thread.
    std::unique_ptr<char[]> scratch = std::make_unique_for_overwrite<char[]>(large_block);
};

/// Sends `first` (a head, or nothing), then the body: what lies in `buffered` (decoded, `used` says how much
/// of it), then what comes. `first` leaves before anything is waited for. Bytes that were read behind the end
/// of the body are in `leftover`.
struct body_relay {
    body_decoder decoder;
    body_encoder encoder;
    std::string_view first;
    std::string_view buffered;
    std::size_t used = 0;
    std::string leftover;
    block_pools* pools = nullptr;
    relay_observer* observer = nullptr;
};

[[nodiscard]] awaitable<relay_end> relay_body(stream& from, socket& to, body_relay& r);
[[nodiscard]] awaitable<relay_end> relay_body(socket& from, stream& to, body_relay& r);

} // namespace clawgate::net
