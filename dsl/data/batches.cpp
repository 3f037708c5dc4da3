// EpochBatches: which rows make the batches of epochs.
#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "data/episodes.hpp"

namespace metac::data {

struct EpochBatches::Order {
  std::mutex mutex;
  Key key;
  std::int64_t epoch = -1;
  std::shared_ptr<const std::vector<std::uint32_t>> rows;
};

EpochBatches::EpochBatches(std::int64_t size, std::int64_t batch)
    : size_(size), batch_(std::min(batch, size)), order_(std::make_shared<Order>()) {
  if (size < 1) throw Error(fmt::format("batches need at least 1 example, there are {}", size));
  if (batch < 1) throw Error(fmt::format("a batch has at least 1 example, {} was given", batch));
}

std::int64_t EpochBatches::steps_per_epoch() const { return (size_ + batch_ - 1) / batch_; }

std::int64_t EpochBatches::batch_size(std::int64_t step) const {
  if (step < 0) throw Error(fmt::format("there is no step {}", step));
  return std::min(batch_, size_ - step % steps_per_epoch() * batch_);
}

std::vector<std::int64_t> EpochBatches::batch_sizes() const {
  const std::int64_t last = batch_size(steps_per_epoch() - 1);
  return last == batch_ ? std::vector{batch_} : std::vector{batch_, last};
}

// Orders of epochs use the words of a folded key, transforms fold it further: the two never meet.
Key EpochBatches::gathering(Key key, std::int64_t step) { return fold_in_wide(key, static_cast<std::uint64_t>(step)); }

std::vector<std::uint32_t> EpochBatches::rows(Key key, std::int64_t step) const {
  const std::int64_t size = batch_size(step), epoch = step / steps_per_epoch();
  std::shared_ptr<const std::vector<std::uint32_t>> order;
  {
    const std::lock_guard lock(order_->mutex);
    if (order_->epoch != epoch || !(order_->key == key)) {
      const Key of_epoch = fold_in_wide(key, static_cast<std::uint64_t>(epoch));
      order_->rows =
          std::make_shared<const std::vector<std::uint32_t>>(permutation(of_epoch, static_cast<std::uint32_t>(size_)));
      order_->key = key;
      order_->epoch = epoch;
    }
    order = order_->rows;
  }
  const auto begin = order->begin() + step % steps_per_epoch() * batch_;
  return {begin, begin + size};
}

}  // namespace metac::data
