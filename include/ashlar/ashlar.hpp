// ashlar.hpp: everything a program needs; cluster.hpp is where to start reading.
#pragma once

#include <ashlar/cluster.hpp>
#include <ashlar/error.hpp>
#include <ashlar/metrics.hpp>
#include <ashlar/model.hpp>
#include <ashlar/result.hpp>
#include <ashlar/row.hpp>
#include <ashlar/scope.hpp>
#include <ashlar/statements.hpp>
#include <ashlar/transaction.hpp>
#include <ashlar/types.hpp>
#include <ashlar/value.hpp>
