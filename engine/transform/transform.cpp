#include "transform/transform.hpp"
