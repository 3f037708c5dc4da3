// What a result says of a list of values, one for each task.
#pragma once

#include <limits>
#include <vector>

namespace metac::dsl {

struct Summary {
  long count = 0;
  long diverged = 0;  // values that are infinite or NaN; they make the mean so
  double mean = 0;
  // Half the width of the 95 % confidence interval of the mean (Student's t); NaN for fewer than two values, which have
  // none.
  double interval = std::numeric_limits<double>::quiet_NaN();
  double median = 0;
  double trimmed_mean = 0;  // of what is left without the 1 % smallest and the 1 % largest
};

Summary summarise(std::vector<double> values);

// The 97.5 % quantile of Student's t with this many degrees of freedom (exact for 1 and 2, else to about 1e-3).
double student_quantile(long degrees);

}  // namespace metac::dsl
