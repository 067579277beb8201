#pragma once
// A bounded byte queue for reading, and the list of pieces of one gathered write.

#include "net/asio.hpp"

#include <array>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace clawgate::net {

inline constexpr std::size_t small_block = 16 * 1024; ///< a head and a small body (facts/boost.md 6)
inline constexpr std::size_t large_block = 64 * 1024; ///< long bodies: fewer system calls

/// Recycles blocks of one size on one thread.
class block_pool {
public:
    explicit block_pool(std::size_t block_size, std::size_t keep = 64)
        : size_{block_size}
        , keep_{keep} {}

    [[nodiscard]] std::unique_ptr<char[]> take() {
        if (free_.empty()) return std::make_unique_for_overwrite<char[]>(size_);
        auto b = std::move(free_.back());
        free_.pop_back();
        return b;
    }
    void give(std::unique_ptr<char[]> b) {
        if (b && free_.size() < keep_) free_.push_back(std::move(b));
    }
    [[nodiscard]] std::size_t block_size() const noexcept { return size_; }

private:
    std::size_t size_;
    std::size_t keep_;
    std::vector<std::unique_ptr<char[]>> free_;
};

/// Bytes read but not yet used, in one contiguous block. It does not grow by itself: what to do when it is
/// full is the caller's decision (a larger block, 431, or stop reading).
class read_buffer {
public:
    explicit read_buffer(block_pool& pool)
        : pool_{&pool} {}
    ~read_buffer() { release(); }
    read_buffer(const read_buffer&) = delete;
    read_buffer& operator=(const read_buffer&) = delete;

    [[nodiscard]] std::string_view data() const noexcept { return {block_.get() + begin_, end_ - begin_}; }
    [[nodiscard]] std::size_t size() const noexcept { return end_ - begin_; }
    [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }

    /// Free space behind the data, after moving the data to the front if that is the only way to have some.
    /// Empty when the buffer is full. Views of data() are invalid afterwards.
    [[nodiscard]] asio::mutable_buffer space() {
        if (!block_) block_ = pool_->take();
        if (begin_ == end_) begin_ = end_ = 0;
        if (end_ == pool_->block_size() && begin_ > 0) {
            std::memmove(block_.get(), block_.get() + begin_, size());
            end_ -= begin_;
            begin_ = 0;
        }
        return {block_.get() + end_, pool_->block_size() - end_};
    }
    /// Moves the data into a block of a larger size. Views of data() are invalid afterwards.
    void grow(block_pool& larger) {
        auto block = larger.take();
        std::memcpy(block.get(), block_.get() + begin_, size());
        end_ -= begin_;
        begin_ = 0;
        pool_->give(std::exchange(block_, std::move(block)));
        pool_ = &larger;
    }
    [[nodiscard]] std::size_t capacity() const noexcept { return pool_->block_size(); }
    void commit(std::size_t n) noexcept { end_ += n; }
    void consume(std::size_t n) noexcept { begin_ += n; }
    /// Gives the memory back; only when empty.
    void release() {
        begin_ = end_ = 0;
        if (block_) pool_->give(std::move(block_));
    }

private:
    block_pool* pool_;
    std::unique_ptr<char[]> block_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

/// Pieces of memory that go out with one system call, in order. Empty pieces are left out.
class gather {
public:
    static constexpr std::size_t max_pieces = 32;

    void add(std::string_view piece) noexcept {
        if (!piece.empty()) pieces_[end_++] = asio::const_buffer{piece.data(), piece.size()};
    }
    void clear() noexcept { begin_ = end_ = 0; }
    [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
    /// Leaves room for a head and a frame around the pieces.
    [[nodiscard]] bool full() const noexcept { return end_ + 6 > max_pieces; }
    [[nodiscard]] std::size_t bytes() const noexcept {
        std::size_t n = 0;
        for (auto i = begin_; i < end_; ++i)
            n += pieces_[i].size();
        return n;
    }
    void consume(std::size_t n) noexcept {
        while (begin_ < end_ && n >= pieces_[begin_].size())
            n -= pieces_[begin_++].size();
        if (n) pieces_[begin_] += n;
    }

    // A ConstBufferSequence of itself.
    [[nodiscard]] const asio::const_buffer* begin() const noexcept { return pieces_.data() + begin_; }
    [[nodiscard]] const asio::const_buffer* end() const noexcept { return pieces_.data() + end_; }

private:
    std::array<asio::const_buffer, max_pieces> pieces_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

} // namespace clawgate::net
