// duplicates: examples that two data sets share by what they hold.
#include <algorithm>
#include <unordered_map>

#include "base/hash.hpp"
#include "data/content.hpp"

namespace metac::data {

std::shared_ptr<const std::vector<std::uint64_t>> Storage::checksums() const {
  if (auto known = std::atomic_load(&row_hashes)) return known;
  const void* all = has_bytes() ? bytes.data() : values.data();
  const std::size_t size = rows == 0     ? 0
                           : has_bytes() ? static_cast<std::size_t>(example.elements())
                                         : values.bytes() / static_cast<std::size_t>(rows);
  auto hashes = std::make_shared<std::vector<std::uint64_t>>();
  for (std::int64_t row = 0; row < rows; ++row) {
    Hash hash;
    hash.bytes(static_cast<const std::byte*>(all) + static_cast<std::size_t>(row) * size, size);
    hashes->push_back(hash.value());
  }
  std::atomic_store(&row_hashes, std::shared_ptr<const std::vector<std::uint64_t>>(hashes));
  return hashes;
}

std::int64_t duplicates(const Dataset& first, const Dataset& second) {
  const Storage &a = *first.content_->storage, &b = *second.content_->storage;
  if (a.example != b.example || a.has_bytes() != b.has_bytes()) return 0;
  const auto of_a = a.checksums(), of_b = b.checksums();
  // By checksum, a row of the second with it; whether there are others matters only where this one is the same row.
  struct Holder {
    std::uint32_t row = 0;
    bool several = false;
  };
  std::unordered_map<std::uint64_t, Holder> holders;
  for (const auto row : second.content_->rows->sources) {
    const auto [at, is_new] = holders.try_emplace((*of_b)[row], Holder{row, false});
    at->second.several |= !is_new && at->second.row != row;
  }
  return std::count_if(
      first.content_->rows->sources.begin(), first.content_->rows->sources.end(), [&](std::uint32_t row) {
        const auto found = holders.find((*of_a)[row]);
        return found != holders.end() && (&a != &b || found->second.row != row || found->second.several);
      });
}

}  // namespace metac::data
