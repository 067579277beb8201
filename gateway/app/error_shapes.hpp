#pragma once

#include "app/exchange.hpp"
#include "app/reply.hpp"

namespace clawgate::app {

/// Writes an error of json_error() in the form that the called interface has for errors; anything else is
/// left as it is.
void reshape(reply& r, error_shape shape);

} // namespace clawgate::app
