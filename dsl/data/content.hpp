// What a Dataset shares between its copies and views. Private to the room.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.hpp"
#include "data/transform.hpp"

namespace metac::data {

// The examples, stored once: bytes (scaled when read), floats, or integers.
struct Storage {
  Shape example;
  std::int64_t rows = 0;
  std::shared_ptr<std::byte> bytes;  // null: values
  Array values;                      // f32 or i32
  std::optional<Array> targets;      // f32, as many rows
  std::vector<std::string> words;    // of texts: their vocabulary

  void copy(std::uint32_t row, float* out) const;  // one example of bytes or floats
};

struct Dataset::Content {
  std::string name;
  std::shared_ptr<const Storage> storage;
  Lineage lineage;
  std::vector<std::uint32_t> sources;  // row: the row of the storage
  std::vector<std::uint8_t> quarters;  // row: how a step of `transforms` turns it; empty if none does
  std::vector<std::int32_t> labels;    // row: its class; empty if there are none
  ClassTable classes;
  std::vector<std::int32_t> class_origins;                   // class: which one of the origin
  std::vector<std::uint32_t> class_rows;                     // rows sorted by class
  std::vector<std::uint32_t> class_begins;                   // class: where its rows start there; one more than classes
  std::vector<std::shared_ptr<const Transform>> transforms;  // from what is stored to what is given out

  // Fills class_rows and class_begins.
  void index_classes();
  const Shape& example() const { return transforms.empty() ? storage->example : transforms.back()->out; }
};

}  // namespace metac::data
