// Moves by index and by place: argmax, gather, scatter-add, labels, concatenate, pad. Indices come from data, so each
// is checked against its bound; the loops over contiguous elements are innermost.
#include "kernels/indexing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/error.hpp"

namespace metac {
namespace {

// Calls f with a null pointer to the C++ type of the dtype.
template <class F>
decltype(auto) with_type(Dtype dtype, const F& f) {
  switch (dtype) {
    case Dtype::f32:
      return f(static_cast<float*>(nullptr));
    case Dtype::f64:
      return f(static_cast<double*>(nullptr));
    case Dtype::i32:
      return f(static_cast<std::int32_t*>(nullptr));
    default:
      return f(static_cast<bool*>(nullptr));
  }
}

// The product of the sizes of axes begin .. end - 1.
std::int64_t product(const Shape& shape, int begin, int end) {
  std::int64_t result = 1;
  for (int axis = begin; axis < end; ++axis) result *= shape[axis];
  return result;
}

// ---- argmax ----

// Input seen as [outer, size, inner].
template <class T>
class Argmax : public Kernel {
 public:
  Argmax(const Type& input, int axis)
      : outer_(product(input.shape, 0, axis)),
        size_(input.shape[axis]),
        inner_(product(input.shape, axis + 1, input.shape.rank())) {}

  void run(void* const* operands, std::byte*, State*) const override {
    auto* index = static_cast<std::int32_t*>(operands[0]);
    const auto* input = static_cast<const T*>(operands[1]);
    for (std::int64_t outer = 0; outer < outer_; ++outer, index += inner_, input += size_ * inner_) {
      std::fill_n(index, inner_, 0);
      for (std::int64_t place = 1; place < size_; ++place)
        for (std::int64_t i = 0; i < inner_; ++i) {
          const T value = input[place * inner_ + i], best = input[index[i] * inner_ + i];
          if (value > best || (value != value && best == best)) index[i] = static_cast<std::int32_t>(place);
        }
    }
  }
  std::string describe() const override { return fmt::format("argmax {}x{}x{}", outer_, size_, inner_); }

 private:
  std::int64_t outer_, size_, inner_;
};

// ---- gather and scatter-add ----

template <class T>
T out_of_range() {
  if constexpr (std::is_floating_point_v<T>) return std::numeric_limits<T>::quiet_NaN();
  if constexpr (std::is_same_v<T, std::int32_t>) return std::numeric_limits<T>::min();
  return T(0);
}

template <class T>
class Gather : public Kernel {
 public:
  Gather(const Type& table, const Type& index)
      : rows_(table.shape[0]), row_(product(table.shape, 1, table.shape.rank())), indices_(index.elements()) {}

  void run(void* const* operands, std::byte*, State*) const override {
    auto* result = static_cast<T*>(operands[0]);
    const auto* table = static_cast<const T*>(operands[1]);
    const auto* index = static_cast<const std::int32_t*>(operands[2]);
    for (std::int64_t i = 0; i < indices_; ++i, result += row_) {
      if (index[i] >= 0 && index[i] < rows_) {
        std::copy_n(table + index[i] * row_, row_, result);
      } else {
        std::fill_n(result, row_, out_of_range<T>());
      }
    }
  }
  std::string describe() const override { return fmt::format("gather {} of {} rows of {}", indices_, rows_, row_); }

 private:
  std::int64_t rows_, row_, indices_;
};

template <class T>
void add_to(T& sum, T value) {
  if constexpr (std::is_same_v<T, std::int32_t>) {
    sum = static_cast<T>(static_cast<std::uint32_t>(sum) + static_cast<std::uint32_t>(value));  // wraps
  } else if constexpr (std::is_same_v<T, bool>) {
    sum = sum || value;
  } else {
    sum += value;
  }
}

template <class T>
class ScatterAdd : public Kernel {
 public:
  ScatterAdd(const Type& rows, const Type& index, std::int64_t n)
      : targets_(n), row_(product(rows.shape, index.shape.rank(), rows.shape.rank())), indices_(index.elements()) {}

  void run(void* const* operands, std::byte*, State*) const override {
    auto* result = static_cast<T*>(operands[0]);
    const auto* rows = static_cast<const T*>(operands[1]);
    const auto* index = static_cast<const std::int32_t*>(operands[2]);
    std::fill_n(result, targets_ * row_, T(0));
    for (std::int64_t i = 0; i < indices_; ++i, rows += row_) {
      if (index[i] < 0 || index[i] >= targets_) continue;
      T* target = result + index[i] * row_;
      for (std::int64_t j = 0; j < row_; ++j) add_to(target[j], rows[j]);
    }
  }
  std::string describe() const override {
    return fmt::format("scatter_add {} to {} rows of {}", indices_, targets_, row_);
  }

 private:
  std::int64_t targets_, row_, indices_;
};

// ---- labels ----

class CheckedLabels : public Kernel {
 public:
  CheckedLabels(const Type& labels, std::int64_t classes) : labels_(labels.elements()), classes_(classes) {}

  void run(void* const* operands, std::byte*, State*) const override {
    auto* result = static_cast<std::int32_t*>(operands[0]);
    const auto* label = static_cast<const std::int32_t*>(operands[1]);
    for (std::int64_t i = 0; i < labels_; ++i) {
      if (label[i] < 0 || label[i] >= classes_)
        throw Error(fmt::format("the label or index {} was met, at place {} of {}; there is room for {}, 0 to {}",
                                label[i], i, labels_, classes_, classes_ - 1));
      result[i] = label[i];
    }
  }
  std::string describe() const override { return fmt::format("{} labels of {} classes", labels_, classes_); }

 private:
  std::int64_t labels_, classes_;
};

// ---- concatenate ----

class Concatenate : public Kernel {
 public:
  Concatenate(const std::vector<Type>& inputs, int axis) : outer_(product(inputs[0].shape, 0, axis)) {
    for (const auto& input : inputs) {
      const std::int64_t elements = product(input.shape, axis, input.shape.rank());
      pieces_.push_back(static_cast<std::size_t>(elements) * size_of(input.dtype));
    }
  }

  void run(void* const* operands, std::byte*, State*) const override {
    auto* result = static_cast<std::byte*>(operands[0]);
    for (std::int64_t outer = 0; outer < outer_; ++outer)
      for (std::size_t i = 0; i < pieces_.size(); ++i) {
        const auto* input = static_cast<const std::byte*>(operands[i + 1]) + outer * pieces_[i];
        if (pieces_[i] != 0) std::memcpy(result, input, pieces_[i]);
        result += pieces_[i];
      }
  }
  std::string describe() const override { return fmt::format("concatenate {} of {} pieces", outer_, pieces_.size()); }

 private:
  std::int64_t outer_;
  std::vector<std::size_t> pieces_;  // bytes of each input for one outer index
};

// ---- pad ----

template <class T>
class Pad : public Kernel {
 public:
  Pad(const Layout& input, const Shape& before, const Shape& shape)
      : input_(input), strides_(row_major_strides(shape)), elements_(shape.elements()) {
    for (int axis = 0; axis < before.rank(); ++axis) first_ += before[axis] * strides_[axis];
    empty_ = input.shape.elements() == 0;
  }

  void run(void* const* operands, std::byte*, State*) const override {
    auto* result = static_cast<T*>(operands[0]);
    const auto* input = static_cast<const T*>(operands[1]);
    std::fill_n(result, elements_, T(0));
    if (empty_) return;
    const int last = input_.shape.rank() - 1;
    const std::int64_t n = last < 0 ? 1 : input_.shape[last], step = last < 0 ? 1 : input_.strides[last];
    std::int64_t index[max_rank] = {}, from = 0, to = first_;
    for (;;) {
      for (std::int64_t i = 0; i < n; ++i) result[to + i] = input[from + i * step];
      int axis = last - 1;
      for (; axis >= 0; --axis) {
        from += input_.strides[axis], to += strides_[axis];
        if (++index[axis] < input_.shape[axis]) break;
        from -= input_.shape[axis] * input_.strides[axis], to -= input_.shape[axis] * strides_[axis];
        index[axis] = 0;
      }
      if (axis < 0) return;
    }
  }
  std::string describe() const override {
    return fmt::format("pad {} to {} elements", to_string(input_.shape), elements_);
  }

 private:
  Layout input_;
  Shape strides_;
  std::int64_t elements_, first_ = 0;
  bool empty_ = false;
};

void require(bool fits, const char* what) {
  if (!fits) throw Bug(fmt::format("a kernel of {} with shapes that do not fit", what));
}

}  // namespace

KernelPtr make_argmax(const Type& input, int axis) {
  require(axis >= 0 && axis < input.shape.rank(), "argmax");
  require(input.shape[axis] <= std::numeric_limits<std::int32_t>::max(), "argmax");
  return with_type(input.dtype, [&]<class T>(T*) -> KernelPtr { return std::make_unique<Argmax<T>>(input, axis); });
}

KernelPtr make_gather(const Type& table, const Type& index) {
  require(table.shape.rank() >= 1 && index.dtype == Dtype::i32, "gather");
  return with_type(table.dtype, [&]<class T>(T*) -> KernelPtr { return std::make_unique<Gather<T>>(table, index); });
}

KernelPtr make_scatter_add(const Type& rows, const Type& index, std::int64_t n) {
  bool fits = index.dtype == Dtype::i32 && rows.shape.rank() >= index.shape.rank() && n >= 0;
  for (int axis = 0; fits && axis < index.shape.rank(); ++axis) fits = rows.shape[axis] == index.shape[axis];
  require(fits, "scatter_add");
  return with_type(rows.dtype,
                   [&]<class T>(T*) -> KernelPtr { return std::make_unique<ScatterAdd<T>>(rows, index, n); });
}

KernelPtr make_checked_labels(const Type& labels, std::int64_t classes) {
  require(labels.dtype == Dtype::i32, "labels");
  return std::make_unique<CheckedLabels>(labels, classes);
}

KernelPtr make_concatenate(const std::vector<Type>& inputs, int axis) {
  require(!inputs.empty() && axis >= 0 && axis < inputs[0].shape.rank(), "concatenate");
  for (const auto& input : inputs) {
    require(input.dtype == inputs[0].dtype && input.shape.rank() == inputs[0].shape.rank(), "concatenate");
    for (int other = 0; other < input.shape.rank(); ++other)
      require(other == axis || input.shape[other] == inputs[0].shape[other], "concatenate");
  }
  return std::make_unique<Concatenate>(inputs, axis);
}

KernelPtr make_pad(const Layout& input, const Shape& before, const Shape& shape) {
  bool fits = before.rank() == shape.rank() && input.shape.rank() == shape.rank();
  for (int axis = 0; fits && axis < shape.rank(); ++axis)
    fits = before[axis] >= 0 && before[axis] <= shape[axis] && input.shape[axis] <= shape[axis] - before[axis];
  require(fits, "pad");
  return with_type(input.dtype,
                   [&]<class T>(T*) -> KernelPtr { return std::make_unique<Pad<T>>(input, before, shape); });
}

}  // namespace metac
