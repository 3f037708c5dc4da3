// Matrix products: own register-blocked kernels for the small ones, oneDNN for large f32 ones. Which path runs, and in
// what order a sum is taken, depends on shapes and strides only; an entry of the batch never sees the others.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/error.hpp"
#include "kernels/linear.hpp"
#include "kernels/onednn.hpp"
#include "kernels/products.hpp"

namespace metac {
namespace {

// One entry of the batch: m x k times k x n with these strides.
struct Product {
  std::int64_t m = 0, k = 0, n = 0;
  std::int64_t a_row = 0, a_k = 0, b_k = 0, b_column = 0;
  bool operator==(const Product&) const = default;
};

struct BatchAxis {
  std::int64_t size, a_stride, b_stride;
};

// What to do for one run: `product` for every index of the batch axes.
struct Work {
  Dtype dtype = Dtype::f32;
  Product product;
  std::vector<BatchAxis> batch;
  bool empty = false;  // no result, or only zeros
  std::int64_t results = 0;
};

// Below this many multiply-adds the own kernels win or are within a few per cent (tests/bench/matmul.cpp); above it,
// oneDNN's copies into blocked buffers pay. A side shorter than the second number never fills oneDNN's tiles.
constexpr std::int64_t least_work_for_onednn = 120 * 120 * 120;
constexpr std::int64_t shortest_side_for_onednn = 16;

bool suits_onednn(Dtype dtype, const Product& p) {
  const auto plain = [](std::int64_t row, std::int64_t column, std::int64_t rows, std::int64_t columns) {
    return (column == 1 && row >= columns) || (row == 1 && column >= rows);
  };
  return dtype == Dtype::f32 && std::min({p.m, p.k, p.n}) >= shortest_side_for_onednn &&
         p.m * p.k * p.n >= least_work_for_onednn && plain(p.a_row, p.a_k, p.m, p.k) &&
         plain(p.b_k, p.b_column, p.k, p.n);
}

// Above this many results a transposed b is packed, and shared by all rows; below, each result is a dot product.
constexpr std::int64_t most_dot_products = 64;
// The same for results of one row or column, which would use a packed b only once.
constexpr std::int64_t least_rows_to_pack = 3;

bool suits_dot_products(const Product& p) {
  if (p.a_k != 1 || p.b_k != 1) return false;
  return p.b_column != 1 && (p.m * p.n <= most_dot_products || p.m < least_rows_to_pack || p.n == 1);
}

// ---- reading the layouts ----

Work read_layouts(const Layout& a, const Layout& b) {
  const int rank = a.shape.rank();
  bool fits = rank >= 2 && b.shape.rank() == rank && a.dtype == b.dtype && is_float(a.dtype);
  for (int axis = 0; fits && axis < rank - 2; ++axis) fits = a.shape[axis] == b.shape[axis];
  if (!fits || a.shape[rank - 1] != b.shape[rank - 2])
    throw Bug(fmt::format("a matmul kernel of {} and {}", to_string(a.type()), to_string(b.type())));

  Work work;
  work.dtype = a.dtype;
  auto& p = work.product;
  p.m = a.shape[rank - 2], p.k = a.shape[rank - 1], p.n = b.shape[rank - 1];
  p.a_row = a.strides[rank - 2], p.a_k = a.strides[rank - 1];
  p.b_k = b.strides[rank - 2], p.b_column = b.strides[rank - 1];
  work.results = p.m * p.n;
  for (int axis = 0; axis < rank - 2; ++axis) {
    work.results *= a.shape[axis];
    if (a.shape[axis] != 1) work.batch.push_back({a.shape[axis], a.strides[axis], b.strides[axis]});
  }
  work.empty = work.results == 0 || p.k == 0;
  return work;
}

// Strides along axes of size 1 say nothing: give them the values that open the fastest path.
void settle_strides(Product& p) {
  if (p.k == 1) p.a_k = 1, p.b_k = p.n;
  if (p.m == 1) p.a_row = p.k;
  if (p.n == 1) p.b_column = p.b_k == 1 ? p.k : 1;
}

// Rows of several entries that share b are rows of one product.
void merge_rows(Work& work) {
  auto& p = work.product;
  while (!work.batch.empty()) {
    const auto last = work.batch.back();
    if (last.b_stride != 0 || (p.m != 1 && last.a_stride != p.m * p.a_row)) return;
    if (p.m == 1) p.a_row = last.a_stride;
    p.m *= last.size;
    work.batch.pop_back();
  }
}

// A column of results is as contiguous as a row: where a is contiguous along its rows, compute the transpose.
void turn_columns_into_rows(Product& p, bool& turned) {
  turned = p.n == 1 && p.m > 1 && p.a_row == 1 && p.a_k != 1;
  if (turned) p = {.m = 1, .k = p.k, .n = p.m, .a_row = p.k, .a_k = p.b_k, .b_k = p.a_k, .b_column = 1};
}

// ---- kernels ----

class BatchedKernel : public Kernel {
 public:
  BatchedKernel(Work work, bool turned) : work_(std::move(work)), turned_(turned) {}

 protected:
  // Calls entry(result, a, b, fresh_b) for each entry, offsets in elements; `fresh_b` says that b moved since the last.
  template <class Entry>
  void for_each_entry(const Entry& entry) const {
    std::int64_t index[max_rank] = {}, a = 0, b = 0, result = 0;
    bool fresh_b = true;
    const std::int64_t per_entry = work_.product.m * work_.product.n;
    for (;; result += per_entry) {
      entry(result, a, b, fresh_b);
      const std::int64_t b_before = b;
      int axis = static_cast<int>(work_.batch.size()) - 1;
      for (; axis >= 0; --axis) {
        const auto& along = work_.batch[axis];
        a += along.a_stride, b += along.b_stride;
        if (++index[axis] < along.size) break;
        a -= along.size * along.a_stride, b -= along.size * along.b_stride;
        index[axis] = 0;
      }
      if (axis < 0) return;
      fresh_b = b != b_before;
    }
  }

  // The operands a and b, in the order of the product that is computed.
  const void* left(void* const* operands) const { return operands[turned_ ? 2 : 1]; }
  const void* right(void* const* operands) const { return operands[turned_ ? 1 : 2]; }

  std::string describe_as(const char* by) const {
    const auto& p = work_.product;
    return fmt::format("matmul {}x{}x{} {}", p.m, p.k, p.n, by);
  }

  const Work work_;
  const bool turned_;
};

class ZeroKernel : public Kernel {
 public:
  explicit ZeroKernel(std::size_t bytes) : bytes_(bytes) {}
  void run(void* const* operands, std::byte*, State*) const override {
    auto* result = static_cast<std::byte*>(operands[0]);
    std::fill(result, result + bytes_, std::byte{0});
  }
  std::string describe() const override { return "matmul zeros"; }

 private:
  std::size_t bytes_;
};

template <class T>
class TileKernel : public BatchedKernel {
 public:
  TileKernel(Work work, bool turned) : BatchedKernel(std::move(work), turned) {
    const auto& p = work_.product;
    packs_ = p.b_column != 1;
    contraction_ = {.rows = p.m,
                    .columns = p.n,
                    .k = {1, 1, p.k},
                    .a_row = p.a_row,
                    .a_k = {0, 0, p.a_k},
                    .b_k = {0, 0, packs_ ? p.n : p.b_k},
                    .result_row = p.n};
    packing_ = {.depth = p.k, .columns = p.n, .b_k = p.b_k, .b_column = p.b_column};
  }
  std::size_t scratch_bytes() const override { return packs_ ? work_.product.k * work_.product.n * sizeof(T) : 0; }
  void run(void* const* operands, std::byte* scratch, State*) const override {
    auto* result = static_cast<T*>(operands[0]);
    const auto *a = static_cast<const T*>(left(operands)), *b = static_cast<const T*>(right(operands));
    auto* packed = reinterpret_cast<T*>(scratch);
    const auto& own = products<T>();
    for_each_entry([&](std::int64_t to, std::int64_t a_offset, std::int64_t b_offset, bool fresh_b) {
      if (packs_ && fresh_b) own.pack(packing_, b + b_offset, packed);
      own.contract(contraction_, a + a_offset, packs_ ? packed : b + b_offset, result + to);
    });
  }
  std::string describe() const override { return describe_as(packs_ ? "own, packed" : "own"); }

 private:
  bool packs_ = false;
  Contraction contraction_;
  Packing packing_;
};

template <class T>
class DotKernel : public BatchedKernel {
 public:
  DotKernel(Work work, bool turned) : BatchedKernel(std::move(work), turned) {
    const auto& p = work_.product;
    dots_ = {.rows = p.m, .columns = p.n, .depth = p.k, .a_row = p.a_row, .b_column = p.b_column, .result_row = p.n};
  }
  void run(void* const* operands, std::byte*, State*) const override {
    auto* result = static_cast<T*>(operands[0]);
    const auto *a = static_cast<const T*>(left(operands)), *b = static_cast<const T*>(right(operands));
    const auto& own = products<T>();
    for_each_entry([&](std::int64_t to, std::int64_t a_offset, std::int64_t b_offset, bool) {
      own.dot_products(dots_, a + a_offset, b + b_offset, result + to);
    });
  }
  std::string describe() const override { return describe_as("own, dot products"); }

 private:
  DotProducts dots_;
};

onednn::Description describe_product(const Product& p) {
  const auto a = onednn::matrix_of(p.m, p.k, p.a_row, p.a_k), b = onednn::matrix_of(p.k, p.n, p.b_k, p.b_column);
  const auto result = onednn::matrix_of(p.m, p.n, p.n, 1);
  dnnl_matmul_desc_t op;
  if (dnnl_matmul_desc_init(&op, &a, &b, nullptr, &result) != dnnl_success)
    throw Bug("oneDNN refused a matmul's shapes");
  return onednn::Description(&op, nullptr);
}

class OnednnKernel : public BatchedKernel {
 public:
  OnednnKernel(Work work, const onednn::Description& description)
      : BatchedKernel(std::move(work), false),
        by_(description.implementation()),
        primitive_("matmul", description,
                   {{DNNL_ARG_DST, description.layout(dnnl_query_dst_md)},
                    {DNNL_ARG_SRC, description.layout(dnnl_query_src_md)},
                    {DNNL_ARG_WEIGHTS, description.layout(dnnl_query_weights_md)}}) {}

  struct Calls : State {
    explicit Calls(const onednn::Primitive& primitive) : call(primitive) {}
    onednn::Primitive::Call call;
  };
  std::unique_ptr<State> make_state() const override { return std::make_unique<Calls>(primitive_); }
  std::size_t scratch_bytes() const override { return primitive_.scratch_bytes(); }
  void run(void* const* operands, std::byte* scratch, State* state) const override {
    auto& call = static_cast<Calls*>(state)->call;
    for_each_entry([&](std::int64_t to, std::int64_t a_offset, std::int64_t b_offset, bool) {
      void* const pointers[] = {static_cast<float*>(operands[0]) + to, static_cast<float*>(operands[1]) + a_offset,
                                static_cast<float*>(operands[2]) + b_offset};
      call.run(pointers, scratch);
    });
  }
  std::string describe() const override { return describe_as(("oneDNN " + by_).c_str()); }

 private:
  std::string by_;
  onednn::Primitive primitive_;
};

template <class T>
class SquaredKernel : public Kernel {
 public:
  SquaredKernel(std::int64_t k, std::int64_t m, std::int64_t n)
      : form_{.rows = m, .columns = n, .depth = k, .a_k = m, .b_k = n, .result_row = n} {}
  void run(void* const* operands, std::byte*, State*) const override {
    products<T>().squared_products(form_, static_cast<const T*>(operands[1]), static_cast<const T*>(operands[2]),
                                   static_cast<T*>(operands[0]));
  }
  std::string describe() const override {
    return fmt::format("squared_products {}x{}x{} own", form_.rows, form_.depth, form_.columns);
  }

 private:
  SquaredProducts form_;
};

template <class T>
KernelPtr make_own(Work work) {
  bool turned = false;
  turn_columns_into_rows(work.product, turned);
  if (turned)
    for (auto& axis : work.batch) std::swap(axis.a_stride, axis.b_stride);
  if (suits_dot_products(work.product)) return std::make_unique<DotKernel<T>>(std::move(work), turned);
  return std::make_unique<TileKernel<T>>(std::move(work), turned);
}

}  // namespace

KernelPtr make_matmul(const Layout& a, const Layout& b) {
  Work work = read_layouts(a, b);
  if (work.empty) return std::make_unique<ZeroKernel>(work.results * size_of(work.dtype));
  merge_rows(work);
  settle_strides(work.product);
  if (suits_onednn(work.dtype, work.product))
    if (const auto description = describe_product(work.product))
      return std::make_unique<OnednnKernel>(std::move(work), description);
  return work.dtype == Dtype::f32 ? make_own<float>(std::move(work)) : make_own<double>(std::move(work));
}

KernelPtr make_squared_products(const Type& a, const Type& b) {
  if (a.shape.rank() != 2 || b.shape.rank() != 2 || a.shape[0] != b.shape[0] || a.dtype != b.dtype ||
      !is_float(a.dtype))
    throw Bug(fmt::format("a kernel of squared products of {} and {}", to_string(a), to_string(b)));
  const std::int64_t k = a.shape[0], m = a.shape[1], n = b.shape[1];
  if (a.dtype == Dtype::f32) return std::make_unique<SquaredKernel<float>>(k, m, n);
  return std::make_unique<SquaredKernel<double>>(k, m, n);
}

}  // namespace metac
