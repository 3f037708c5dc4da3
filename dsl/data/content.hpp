// What a Dataset shares between its copies and views. Private to the room.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.hpp"

namespace metac::data {

// The examples, stored once: bytes (scaled when read) or floats.
struct Storage {
  Shape example;
  std::int64_t rows = 0;
  std::shared_ptr<std::byte> bytes;  // null: floats
  Array floats;

  // One example to floats; square images are turned counter-clockwise by `quarters` times 90 degrees.
  void copy(std::uint32_t row, int quarters, float* out) const;
};

struct Dataset::Content {
  std::string name;
  std::shared_ptr<const Storage> storage;
  Lineage lineage;
  std::vector<std::uint32_t> sources;  // row: the row of the storage
  std::vector<std::uint8_t> quarters;  // row: how it is turned; empty if nothing is
  std::vector<std::int32_t> labels;    // row: its class; empty if there are none
  ClassTable classes;
  std::vector<std::int32_t> class_origins;  // class: which one of the origin
  std::vector<std::uint32_t> class_rows;    // rows sorted by class
  std::vector<std::uint32_t> class_begins;  // class: where its rows start there; one more than classes

  // Fills class_rows and class_begins.
  void index_classes();
};

}  // namespace metac::data
