// Which of the own kernels run on this machine.
#pragma once

namespace [[gnu::visibility("default")]] metac {

// "avx512", "avx2" or "baseline": chosen once, at the first use, by what the machine can, or by the environment
// variable METAC_ISA. The same program gives the same bits on one instruction set, not from one to the other.
const char* instruction_set();

}  // namespace metac
