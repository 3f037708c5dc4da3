// Convolution by oneDNN, over two spatial axes: images channels-last, the weights reordered between our layout and the
// blocked one that oneDNN likes best for one thread. The reorder takes microseconds; plain weights would make the
// convolution many times slower.
#include <algorithm>

#include "base/error.hpp"
#include "base/memory.hpp"
#include "kernels/convolution.hpp"
#include "kernels/onednn.hpp"

namespace metac {
namespace {

using onednn::Description;
using onednn::Primitive;

// Our weights [height, width, channels / groups, groups, filters / groups] in oneDNN's order of axes.
dnnl_memory_desc_t grouped_weights(const Convolution& c) {
  const std::int64_t channels = c.channels / c.groups, filters = c.filters / c.groups;
  const dnnl_dims_t sizes = {c.groups, filters, channels, c.kernel[1], c.kernel[2]};
  const dnnl_dims_t strides = {filters, 1, c.filters, c.kernel[2] * channels * c.filters, channels * c.filters};
  dnnl_memory_desc_t layout;
  if (dnnl_memory_desc_init_by_strides(&layout, 5, sizes, dnnl_f32, strides) != dnnl_success)
    throw Bug("oneDNN refused the weights of a grouped convolution");
  return layout;
}

struct Layouts {
  dnnl_memory_desc_t image, weights, plain_weights, result;
  dnnl_dims_t stride, dilates, before, after;

  explicit Layouts(const Convolution& c)
      : image(onednn::memory_of({c.batch, c.channels, c.input[1], c.input[2]}, dnnl_nhwc)),
        result(onednn::memory_of({c.batch, c.filters, c.output[1], c.output[2]}, dnnl_nhwc)) {
    const std::int64_t channels = c.channels / c.groups, height = c.kernel[1], width = c.kernel[2];
    if (c.groups == 1) {
      weights = onednn::memory_of({c.filters, channels, height, width}, dnnl_format_tag_any);
      plain_weights = onednn::memory_of({c.filters, channels, height, width}, dnnl_hwio);
    } else {
      weights = onednn::memory_of({c.groups, c.filters / c.groups, channels, height, width}, dnnl_format_tag_any);
      plain_weights = grouped_weights(c);
    }
    for (int axis = 0; axis < 2; ++axis) {
      const int ours = axis + 1;
      stride[axis] = c.stride[ours];
      dilates[axis] = c.dilation[ours] - 1;
      before[axis] = c.before[ours];
      // What a stride leaves over at the end is no padding to oneDNN.
      after[axis] = (c.output[ours] - 1) * c.stride[ours] + (c.kernel[ours] - 1) * c.dilation[ours] + 1 -
                    c.input[ours] - c.before[ours];
    }
  }
};

Description describe_forward(const Layouts& l) {
  dnnl_convolution_desc_t op;
  if (dnnl_dilated_convolution_forward_desc_init(&op, dnnl_forward_training, dnnl_convolution_direct, &l.image,
                                                 &l.weights, nullptr, &l.result, l.stride, l.dilates, l.before,
                                                 l.after) != dnnl_success)
    throw Bug("oneDNN refused a convolution's shapes");
  return Description(&op, nullptr);
}

Description describe_part(const Layouts& l, ConvolutionPart part) {
  const auto forward = describe_forward(l);
  if (part == ConvolutionPart::forward || !forward) return describe_forward(l);
  dnnl_convolution_desc_t op;
  const auto status =
      part == ConvolutionPart::data
          ? dnnl_dilated_convolution_backward_data_desc_init(&op, dnnl_convolution_direct, &l.image, &l.weights,
                                                             &l.result, l.stride, l.dilates, l.before, l.after)
          : dnnl_dilated_convolution_backward_weights_desc_init(&op, dnnl_convolution_direct, &l.image, &l.weights,
                                                                nullptr, &l.result, l.stride, l.dilates, l.before,
                                                                l.after);
  if (status != dnnl_success) throw Bug("oneDNN refused a convolution gradient's shapes");
  return Description(&op, &forward);
}

class OnednnConvolution : public Kernel {
 public:
  OnednnConvolution(const Convolution& c, ConvolutionPart part, const Layouts& l, const Description& description)
      : part_(part),
        text_(metac::describe(c, part, "oneDNN " + description.implementation())),
        blocked_(
            description.layout(part == ConvolutionPart::weights ? dnnl_query_diff_weights_md : dnnl_query_weights_md)),
        main_(text_, description, main_arguments(l)) {
    if (onednn::same_layout(blocked_, l.plain_weights)) return;
    const bool after = part == ConvolutionPart::weights;
    const auto &from = after ? blocked_ : l.plain_weights, &to = after ? l.plain_weights : blocked_;
    reorder_ = std::make_unique<Primitive>("a reorder of weights", Description::reorder(from, to),
                                           std::vector<onednn::Argument>{{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}});
  }

  struct Calls : State {
    explicit Calls(const OnednnConvolution& kernel) : main(kernel.main_) {
      if (kernel.reorder_) reorder = std::make_unique<Primitive::Call>(*kernel.reorder_);
    }
    Primitive::Call main;
    std::unique_ptr<Primitive::Call> reorder;
  };
  std::unique_ptr<State> make_state() const override { return std::make_unique<Calls>(*this); }

  std::size_t scratch_bytes() const override {
    return blocked_bytes() + std::max(main_.scratch_bytes(), reorder_ ? reorder_->scratch_bytes() : 0);
  }

  void run(void* const* operands, std::byte* scratch, State* state) const override {
    auto& calls = *static_cast<Calls*>(state);
    std::byte* rest = scratch + blocked_bytes();
    void* pointers[] = {operands[0], operands[1], operands[2]};
    void*& weights = pointers[part_ == ConvolutionPart::weights ? 0 : 2];
    void* const plain = weights;
    if (reorder_) weights = scratch;
    void* const reordered[] = {part_ == ConvolutionPart::weights ? scratch : plain,
                               part_ == ConvolutionPart::weights ? plain : scratch};
    if (reorder_ && part_ != ConvolutionPart::weights) calls.reorder->run(reordered, rest);
    calls.main.run(pointers, rest);
    if (reorder_ && part_ == ConvolutionPart::weights) calls.reorder->run(reordered, rest);
  }

  std::string describe() const override { return text_; }

 private:
  std::size_t blocked_bytes() const { return reorder_ ? round_up_to_alignment(onednn::bytes_of(blocked_)) : 0; }

  std::vector<onednn::Argument> main_arguments(const Layouts& l) const {
    switch (part_) {
      case ConvolutionPart::forward:
        return {{DNNL_ARG_DST, l.result}, {DNNL_ARG_SRC, l.image}, {DNNL_ARG_WEIGHTS, blocked_}};
      case ConvolutionPart::data:
        return {{DNNL_ARG_DIFF_SRC, l.image}, {DNNL_ARG_DIFF_DST, l.result}, {DNNL_ARG_WEIGHTS, blocked_}};
      default:
        return {{DNNL_ARG_DIFF_WEIGHTS, blocked_}, {DNNL_ARG_SRC, l.image}, {DNNL_ARG_DIFF_DST, l.result}};
    }
  }

  ConvolutionPart part_;
  std::string text_;
  dnnl_memory_desc_t blocked_;
  Primitive main_;
  std::unique_ptr<Primitive> reorder_;
};

}  // namespace

KernelPtr make_onednn_convolution(const Convolution& c, ConvolutionPart part) {
  const Layouts layouts(c);
  const auto description = describe_part(layouts, part);
  if (!description) return nullptr;
  return std::make_unique<OnednnConvolution>(c, part, layouts, description);
}

}  // namespace metac
