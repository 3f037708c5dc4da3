// glyphs: invented characters as strokes, drawn in fixed-point arithmetic.
#include "data/glyphs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "data/file.hpp"

namespace metac::data {

namespace {

// Places are whole numbers; `unit` of them are the side of the image. 16 bits leave room for squares and products.
constexpr std::int64_t unit = 1 << 16;

struct Point {
  std::int64_t x = 0, y = 0;
};
using Stroke = std::vector<Point>;

constexpr std::uint32_t for_character = 0, for_drawings = 1;  // the uses of the key of a class

// From `least` to `most`, both in thousandths of the unit.
std::int64_t between(Stream& stream, std::int64_t least, std::int64_t most) {
  const std::int64_t low = least * unit / 1000, high = most * unit / 1000;
  return low + stream.uniform_below(static_cast<std::uint32_t>(high - low + 1));
}

// The points that the strokes of a character pass through: each stroke sets out anywhere and goes on in steps that do
// not turn back.
std::vector<Stroke> character(Key key) {
  Stream stream(key);
  std::vector<Stroke> strokes(2 + stream.uniform_below(3));
  for (auto& stroke : strokes) {
    stroke.resize(3 + stream.uniform_below(3));
    stroke[0] = {between(stream, 150, 850), between(stream, 150, 850)};
    Point step{between(stream, -420, 420), between(stream, -420, 420)};
    for (std::size_t i = 1; i < stroke.size(); ++i) {
      const Point last = stroke[i - 1];
      step = {step.x / 2 + between(stream, -300, 300), step.y / 2 + between(stream, -300, 300)};
      // A step that would leave the page goes the other way.
      const auto inside = [](std::int64_t at) { return at > unit / 8 && at < unit - unit / 8; };
      if (!inside(last.x + step.x)) step.x = -step.x;
      if (!inside(last.y + step.y)) step.y = -step.y;
      const auto clamp = [](std::int64_t at) { return std::clamp(at, unit / 10, unit - unit / 10); };
      stroke[i] = {clamp(last.x + step.x), clamp(last.y + step.y)};
    }
  }
  return strokes;
}

// A curve through all points (Catmull and Rom), as short straight pieces. Weights are those of the cubic, times 2.
Stroke smooth(const Stroke& points) {
  constexpr std::int64_t pieces = 8, cube = 2 * pieces * pieces * pieces;
  Stroke curve;
  const auto last = static_cast<std::int64_t>(points.size()) - 1;
  const auto at = [&](std::int64_t i) {
    return points[static_cast<std::size_t>(std::clamp<std::int64_t>(i, 0, last))];
  };
  for (std::int64_t i = 0; i < last; ++i)
    for (std::int64_t t = 0; t < pieces; ++t) {
      const std::int64_t n = pieces, t2 = t * t, t3 = t2 * t;
      const std::int64_t weights[] = {-t3 + 2 * t2 * n - t * n * n, 3 * t3 - 5 * t2 * n + 2 * n * n * n,
                                      -3 * t3 + 4 * t2 * n + t * n * n, t3 - t2 * n};
      Point sum;
      for (std::int64_t k = 0; k < 4; ++k) {
        sum.x += weights[k] * at(i + k - 1).x;
        sum.y += weights[k] * at(i + k - 1).y;
      }
      curve.push_back({sum.x / cube, sum.y / cube});
    }
  curve.push_back(at(last));
  return curve;
}

// How one drawing differs from the character: points moved, the whole turned, slanted, scaled and shifted.
std::vector<Stroke> drawing_of(std::vector<Stroke> strokes, Stream& stream) {
  // Turn and slant are small, so the first terms of their series do: a map of four numbers near the identity.
  const std::int64_t turn = between(stream, -300, 300), slant = between(stream, -200, 200);
  const std::int64_t wide = between(stream, 700, 1150), high = between(stream, 700, 1150);
  const Point shift{between(stream, -70, 70), between(stream, -70, 70)};
  for (auto& stroke : strokes)
    for (auto& point : stroke) {
      const std::int64_t x = point.x - unit / 2 + between(stream, -35, 35);
      const std::int64_t y = point.y - unit / 2 + between(stream, -35, 35);
      point = {unit / 2 + shift.x + (wide * x + (slant - turn) * y) / unit,
               unit / 2 + shift.y + (turn * x + high * y) / unit};
    }
  return strokes;
}

std::int64_t squared_distance(Point p, Point a, Point b) {
  const std::int64_t dx = b.x - a.x, dy = b.y - a.y, length = dx * dx + dy * dy;
  std::int64_t along = (p.x - a.x) * dx + (p.y - a.y) * dy;  // over `length`: 0 at a, 1 at b
  along = std::clamp<std::int64_t>(along, 0, length);
  // Parts of the piece in 1/1024, so that products stay small.
  const std::int64_t part = length == 0 ? 0 : along * 1024 / length;
  const std::int64_t x = p.x - a.x - dx * part / 1024, y = p.y - a.y - dy * part / 1024;
  return x * x + y * y;
}

// Rounded down. The square root of the processor is rounded correctly, so this is exact for squares below 2^52.
std::int64_t root(std::int64_t square) { return static_cast<std::int64_t>(std::sqrt(static_cast<double>(square))); }

// Ink of 255 within half the width of the pen, falling to 0 over one pixel.
void draw(const Stroke& curve, std::int64_t pen, std::int64_t size, std::uint8_t* pixels) {
  const std::int64_t pixel = unit / size, reach = pen + pixel;
  for (std::size_t i = 1; i < curve.size(); ++i) {
    const Point a = curve[i - 1], b = curve[i];
    const auto first = [&](std::int64_t at) { return std::clamp<std::int64_t>((at - reach) / pixel - 1, 0, size - 1); };
    const auto last = [&](std::int64_t at) { return std::clamp<std::int64_t>((at + reach) / pixel + 1, 0, size - 1); };
    for (std::int64_t row = first(std::min(a.y, b.y)); row <= last(std::max(a.y, b.y)); ++row)
      for (std::int64_t column = first(std::min(a.x, b.x)); column <= last(std::max(a.x, b.x)); ++column) {
        const Point middle{column * pixel + pixel / 2, row * pixel + pixel / 2};
        const std::int64_t square = squared_distance(middle, a, b);
        if (square >= reach * reach) continue;
        const std::int64_t beyond = root(square) - pen;
        const std::int64_t ink = std::clamp<std::int64_t>(255 * (pixel - beyond) / pixel, 0, 255);
        auto& value = pixels[row * size + column];
        value = std::max(value, static_cast<std::uint8_t>(ink));
      }
  }
}

}  // namespace

Dataset glyphs(std::int64_t classes, std::int64_t per_class, std::int64_t size, Key key) {
  if (classes < 1 || per_class < 1)
    throw Error(
        fmt::format("glyphs: at least 1 class of 1 drawing is needed, {} of {} were given", classes, per_class));
  if (size < 8 || size > 256) throw Error(fmt::format("glyphs: sizes are from 8 to 256, {} was given", size));
  std::int64_t bytes = size * size;
  if (__builtin_mul_overflow(bytes, classes, &bytes) || __builtin_mul_overflow(bytes, per_class, &bytes) ||
      bytes > static_cast<std::int64_t>(file_limit))
    throw Error(fmt::format("glyphs: {} classes of {} drawings of {} x {} are more than {} bytes", classes, per_class,
                            size, size, file_limit));
  Bytes pixels(static_cast<std::size_t>(bytes), 0);
  std::vector<std::int32_t> labels;
  ClassTable table;
  for (std::int64_t cls = 0; cls < classes; ++cls) {
    const Key of_class = fold_in_wide(key, static_cast<std::uint64_t>(cls));
    const auto strokes = character(fold_in(of_class, for_character));
    table.names.push_back(fmt::format("glyph{:03}", cls));
    for (std::int64_t i = 0; i < per_class; ++i) {
      Stream stream(fold_in_wide(fold_in(of_class, for_drawings), static_cast<std::uint64_t>(i)));
      const std::int64_t pen = between(stream, 22, 42);
      std::uint8_t* const place = pixels.data() + (cls * per_class + i) * size * size;
      for (const auto& stroke : drawing_of(strokes, stream)) draw(smooth(stroke), pen, size, place);
      labels.push_back(static_cast<std::int32_t>(cls));
    }
  }
  // Sets of one key share their characters, but drawing i of a class is another row when there are more of them.
  return Dataset::from_bytes(
      "glyphs", Shape{size, size, 1}, std::move(pixels), std::move(labels), std::move(table),
      Lineage{fmt::format("glyphs of {:08x}{:08x}, {} a class", key.a, key.b, per_class), "", {}});
}

}  // namespace metac::data
