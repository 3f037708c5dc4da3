// What a Dataset shares between its copies and views. Private to the room.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.hpp"
#include "data/transform.hpp"

namespace metac::data {

// A hash that is made when it is first asked for. A copy of what it is of is made to be changed: it knows none.
struct LazyHash {
  LazyHash() = default;
  LazyHash(const LazyHash&) noexcept {}
  mutable std::atomic<std::uint64_t> value{0};  // 0: not yet
};

// The examples, stored once: bytes (scaled when read), floats, or integers.
struct Storage {
  Shape example;
  std::int64_t rows = 0;
  Bytes bytes;                     // empty: values
  Array values;                    // f32 or i32
  std::optional<Array> targets;    // f32, as many rows
  std::vector<std::string> words;  // of texts: their vocabulary
  LazyHash hash;
  mutable std::shared_ptr<const std::vector<std::uint64_t>> row_hashes;  // made when they are first asked for

  bool has_bytes() const { return !bytes.empty(); }
  void copy(std::uint32_t row, float* out) const;                       // one example of bytes or floats
  std::uint64_t fingerprint() const;                                    // of all that is stored
  std::shared_ptr<const std::vector<std::uint64_t>> checksums() const;  // of each example
};

// The rows of a set. Those that differ in transforms or names only, such as the tasks of a permuted stream, share them.
struct Rows {
  std::vector<std::uint32_t> sources;       // row: the row of the storage
  std::vector<std::uint8_t> quarters;       // row: how a step of `transforms` turns it; empty if none does
  std::vector<std::int32_t> labels;         // row: its class; empty if there are none
  std::vector<std::uint32_t> class_rows;    // rows sorted by class
  std::vector<std::uint32_t> class_begins;  // class: where its rows start there; one more than classes

  // Fills class_rows and class_begins.
  void index_classes(std::int64_t classes);
};

struct Dataset::Content {
  std::string name;
  std::shared_ptr<const Storage> storage;
  Lineage lineage;
  std::shared_ptr<const Rows> rows;
  ClassTable classes;
  std::vector<std::int32_t> class_origins;                   // class: which one of the origin
  std::vector<std::shared_ptr<const Transform>> transforms;  // from what is stored to what is given out
  LazyHash hash;

  void set_rows(Rows given) {
    given.index_classes(classes.size());
    rows = std::make_shared<const Rows>(std::move(given));
  }
  const Shape& example() const { return transforms.empty() ? storage->example : transforms.back()->out; }
};

}  // namespace metac::data
