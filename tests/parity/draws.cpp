// Random operands and attributes; see cases.hpp.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "parity/cases.hpp"

namespace metac::parity {
namespace {

template <class T, class Next>
Array filled(const Shape& shape, Next next) {
  Array array(Type{dtype_of<T>(), shape});
  for (T& value : array.as<T>()) value = static_cast<T>(next());
  return array;
}

}  // namespace

Shape Draws::shape(int least_rank, int most_rank) {
  Shape shape;
  for (int i = 0, rank = least_rank + pick(most_rank - least_rank + 1); i < rank; ++i) shape.push_back(size());
  return shape;
}

std::vector<int> Draws::axes(const Shape& shape) {
  std::vector<int> axes{axis(shape)};
  for (int other = 0; other < shape.rank(); ++other)
    if (other != axes[0] && once_in(2)) axes.push_back(other);
  return axes;
}

std::vector<int> Draws::permutation(int n) {
  std::vector<int> order(n);
  std::iota(order.begin(), order.end(), 0);
  for (int i = n - 1; i > 0; --i) std::swap(order[i], order[pick(i + 1)]);
  return order;
}

Array Draws::uniform(const Shape& shape, double low, double high) {
  std::uniform_real_distribution<double> number(low, high);
  return filled<double>(shape, [&] { return number(random_); });
}

Array Draws::halves(const Shape& shape) {
  return filled<double>(shape, [&] { return (pick(9) - 4) / 2.0; });
}

Array Draws::indices(const Shape& shape, std::int64_t n) {
  return filled<std::int32_t>(shape, [&] { return pick(static_cast<int>(n)); });
}

Array Draws::different(std::int64_t count, std::int64_t n) {
  const std::vector<int> order = permutation(static_cast<int>(n));
  auto next = order.begin();
  return filled<std::int32_t>({count}, [&] { return *next++; });
}

Array Draws::bools(const Shape& shape) {
  return filled<bool>(shape, [&] { return once_in(2); });
}

std::vector<double> Draws::numbers(std::size_t count) {
  const Array values = uniform({static_cast<std::int64_t>(count)});
  return {values.as<double>().begin(), values.as<double>().end()};
}

std::string python(const Shape& shape) { return fmt::format("[{}]", fmt::join(shape.begin(), shape.end(), ", ")); }

std::string python(const std::vector<int>& numbers) { return fmt::format("[{}]", fmt::join(numbers, ", ")); }

}  // namespace metac::parity
