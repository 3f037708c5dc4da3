// Few-shot episodes from a labelled data set, and batches for epochs: what is drawn is a pure function of a key and an
// index, so a run can go on from any step, and threads do not matter.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "data/dataset.hpp"
#include "data/random.hpp"

namespace metac::data {

// A batch of n episodes.
struct Episodes {
  Array support_x;  // [n, ways * shots, example...], of the set's type
  Array support_y;  // i32 [n, ways * shots], labels 0..ways-1
  Array query_x;    // [n, ways * queries, example...]
  Array query_y;    // i32 [n, ways * queries]
  Array classes;    // i32 [n, ways]: which class of the data set has which label
};

// Draws episodes: `ways` classes without replacement, whose random order gives the labels; of each class `shots +
// queries` examples without replacement, so support and query are disjoint. Both sets are shuffled: the place of an
// example says nothing about its class (where examples stand by class, batch statistics and attention can read labels).
class EpisodeSource {
 public:
  // Errors: not labelled; ways below 1 or more than there are classes; shots below 1; queries below 0; a class with
  // less than shots + queries examples (the smallest is named, with its count). Classes without any example are not
  // counted and never drawn.
  EpisodeSource(Dataset dataset, std::int64_t ways, std::int64_t shots, std::int64_t queries);

  const Dataset& dataset() const { return dataset_; }
  std::int64_t ways() const { return ways_; }
  std::int64_t shots() const { return shots_; }
  std::int64_t queries() const { return queries_; }

  // Episodes first, ..., first + count - 1 of the key. Episode i depends on (key, i) only.
  Episodes sample(Key key, std::int64_t first, std::int64_t count) const;
  // The same into arrays of an earlier call with the same count, which must not be shared with anyone who still reads.
  void sample_into(Key key, std::int64_t first, Episodes& episodes) const;

 private:
  struct Rows;  // of one episode
  void draw(Key key, Rows& rows) const;
  Episodes allocate_for(std::int64_t count) const;
  void check_types(const Episodes& episodes) const;

  Dataset dataset_;
  std::vector<std::int32_t> classes_;  // those with examples
  std::int64_t ways_, shots_, queries_;
};

// Which rows make the batches of epochs: every epoch has every row once, in an order of its own. The last batch of an
// epoch is short if the batch size does not divide the number of rows; it is never dropped or filled up.
class EpochBatches {
 public:
  EpochBatches(std::int64_t size,
               std::int64_t batch);  // of so many rows; Error below 1; a batch over the size is the size

  std::int64_t steps_per_epoch() const;
  std::int64_t batch() const { return batch_; }
  std::int64_t batch_size(std::int64_t step) const;  // of that step: batch(), or what is left
  std::vector<std::int64_t> batch_sizes() const;     // all there are: one or two, the full one first

  // The rows of step 0, 1, ...; depends on (key, step) only. May be called from several threads.
  std::vector<std::uint32_t> rows(Key key, std::int64_t step) const;
  // The key for gathering these rows, `dataset().x(rows(key, step), gathering(key, step))`: random transforms draw anew
  // at each step.
  static Key gathering(Key key, std::int64_t step);

 private:
  struct Order;  // of the epoch last asked for: making it takes as long as an epoch has rows
  std::int64_t size_;
  std::int64_t batch_;
  std::shared_ptr<Order> order_;
};

}  // namespace metac::data
