// A data set: examples `x`, what is to be said of them (`y`: class labels, or targets of a regression), a table of the
// classes, and where all of it came from. A value that is cheap to copy: the examples are stored once (images as bytes)
// and shared by every part, split and rotation, which are lists of rows into them. Conversion to f32 and transforms
// (transforms.hpp) happen when rows are gathered.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/array.hpp"
#include "data/file.hpp"
#include "data/random.hpp"

namespace metac::data {

// One line for each class: its name, which is unique, and further columns such as "alphabet".
struct ClassTable {
  std::vector<std::string> names;
  std::vector<std::string> columns;              // their names
  std::vector<std::vector<std::string>> values;  // values[column][class]

  std::int64_t size() const { return static_cast<std::int64_t>(names.size()); }
  // The values of a column; "name" is the names. Error, with the columns there are, if there is no such column.
  const std::vector<std::string>& column(const std::string& name) const;
};

// `count` classes named "0", "1", ...
ClassTable numbered_classes(std::int64_t count);

// Where a data set came from. Data sets of one origin share classes: class i of one is class i of the other. Those of
// one origin and part also share rows.
struct Lineage {
  std::string origin;                // "mnist", or the path of a file or folder
  std::string part;                  // "train", or empty where the origin has one part only
  std::vector<std::string> history;  // what was done to it, for people: "split_classes: train", "rotated_classes"
};

struct Storage;
class Transform;

class Dataset {
 public:
  // `labels` is empty (no classes) or has a class of the table for each example. Errors: counts that differ, labels
  // outside the table, names of classes that occur twice.
  // Bytes are scaled to [0, 1] by 1/255 when gathered; there must be a whole number of examples of this shape.
  // `targets`: f32 [examples, ...] or nothing; they are the `y`, even beside classes.
  static Dataset from_bytes(std::string name, const Shape& example, Bytes values, std::vector<std::int32_t> labels,
                            ClassTable classes, Lineage lineage, std::optional<Array> targets = {});
  // x: f32 [examples, ...].
  static Dataset from_floats(std::string name, Array x, std::vector<std::int32_t> labels, ClassTable classes,
                             Lineage lineage, std::optional<Array> targets = {});
  // x: i32 [examples, ...]: numbers of words, of a vocabulary that the set remembers. They are never transformed.
  static Dataset from_integers(std::string name, Array x, std::vector<std::int32_t> labels, ClassTable classes,
                               Lineage lineage, std::vector<std::string> words);

  const std::string& name() const;
  std::int64_t size() const;           // number of examples
  const Shape& example_shape() const;  // of one x, transformed; [height, width, channels] for images
  Dtype x_dtype() const;               // f32 or i32
  bool labelled() const;               // has classes
  bool has_targets() const;            // its y are numbers, not labels
  bool has_y() const { return labelled() || has_targets(); }
  const std::vector<std::string>& words() const;  // the vocabulary of a text (tabular.hpp); else empty
  Type x_type(std::int64_t rows) const;           // of what `x` and `y` give for so many rows
  Type y_type(std::int64_t rows) const;           // Error if it has no y
  const ClassTable& classes() const;              // empty if there are none
  std::int64_t class_count() const { return classes().size(); }
  const Lineage& lineage() const;

  std::int32_t label(std::int64_t row) const;                      // Error if not labelled
  std::span<const std::uint32_t> rows_of(std::int64_t cls) const;  // ascending; may be empty after `take`

  // x of the given rows, [rows, example...], and their y: labels, i32 [rows], or targets, f32 [rows, ...]. The draws of
  // random transforms depend on the key and the number of the row; a gathering without a key (to measure) always draws
  // the same. Error for a row that does not exist, and for y of a set that has none.
  Array x(std::span<const std::uint32_t> rows, Key = {}) const;
  Array y(std::span<const std::uint32_t> rows) const;
  Array x() const;  // of all rows
  Array y() const;
  // The same into memory of the caller, of the size and type that `x_type` and `y_type` say.
  void copy_x(std::span<const std::uint32_t> rows, Key, void* out) const;
  void copy_y(std::span<const std::uint32_t> rows, void* out) const;

  // Views that share the storage. `step` is added to the history.
  // The given rows in the given order; classes and labels stay as they are. Error for none, twice, or a row not there.
  Dataset with_rows(std::span<const std::uint32_t> rows, std::string step) const;
  // The given classes and their rows; class i of the result is classes[i]. Rows keep their order.
  Dataset with_classes(std::span<const std::int32_t> classes, std::string step) const;
  Dataset take(std::int64_t count) const;            // the first rows, in the order they are stored
  Dataset take_per_class(std::int64_t count) const;  // the first rows of each class
  Dataset renamed(std::string name) const;
  // One transform more; its name is added to the history. Error if the examples are no floats.
  Dataset transformed(std::shared_ptr<const Transform>) const;
  std::vector<std::string> transforms() const;  // their names, in order
  // Other classes: label l becomes numbers[l]. A new class comes from the one of the origin that `origins` says.
  Dataset relabelled(std::span<const std::int32_t> numbers, ClassTable classes, std::vector<std::int32_t> origins,
                     std::string step) const;

  // Which row (class) of the origin a row (class) is: the same number means the same drawing (the same class), however
  // it was turned.
  std::uint32_t origin_row(std::int64_t row) const;
  std::int32_t origin_class(std::int64_t cls) const;

  // A number for what the set gives out: the same for the same rows in the same order, of files with the same content
  // wherever they lie, with the same labels and transforms.
  std::uint64_t fingerprint() const;
  // A number for all that its origin stores, whichever part of that the set has.
  std::uint64_t content() const;

 private:
  friend Dataset rotated_classes(const Dataset&);
  friend std::int64_t duplicates(const Dataset&, const Dataset&);
  struct Content;
  explicit Dataset(std::shared_ptr<const Content> content) : content_(std::move(content)) {}
  static Dataset make(std::string name, Storage storage, std::vector<std::int32_t> labels, ClassTable classes,
                      Lineage lineage);
  void check_row(std::int64_t row) const;
  std::shared_ptr<const Content> content_;
};

// Each class turned counter-clockwise by 90, 180 and 270 degrees is a further class: 4 times as many classes and
// examples, at no cost of memory for images. Class 4 * i + t is class i turned by 90 * t degrees, and is named like
// "Greek/character01/rot090" (Santoro et al. 2016; Vinyals et al. 2016). Errors: not labelled, no square images,
// rotated already.
Dataset rotated_classes(const Dataset&);

// What two data sets have in common, by lineage. Images that were turned count as the ones they came from, so
// rotations of a training class are found in a test set.
struct Overlap {
  std::int64_t rows = 0;     // examples of the first that are in the second
  std::int64_t classes = 0;  // classes of the first (with at least one example) that are in the second
  std::string example;       // the name of the first common class (or empty), for messages
};
Overlap overlap(const Dataset&, const Dataset&);

// Which rows and classes of its origin a data set has: what remains to be known of it when it is gone, on another
// machine, too. What is read from a file is known again by where it lay or by what it holds.
struct Footprint {
  std::string name, origin, part;   // as in its lineage
  std::uint64_t content = 0;        // Dataset::content
  std::vector<bool> rows, classes;  // by their numbers in the origin; those with an example
};
Footprint footprint(const Dataset&);
Overlap overlap(const Dataset&, const Footprint&);

// Examples of the first that the second holds, too, byte for byte as they are stored, and that are not the same row of
// the same storage: copies, which no lineage shows. Of the same row that is in both, `overlap` tells.
std::int64_t duplicates(const Dataset&, const Dataset&);

}  // namespace metac::data
