// A run as it was recorded (src/train/record.ts; docs/gpu.md has the format): the calls that were
// made on an engine, and what they gave. A record comes from a file, so nothing in it is believed:
// every length is checked against what is left, every name against those there are, and the engine
// checks the rest when the calls are made again.
#pragma once
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "engine.h"

namespace attune {

/** Parameters that were loaded; paths are whole again. */
struct LoadCall {
  std::vector<TensorRead> reads;
};

struct RestoreCall {
  Progress progress;
};

struct AccumulateCall {
  Batch batch;
  BatchSums sums;
};

struct UpdateCall {
  UpdateOptions options;
  UpdateResult result;
};

using Call = std::variant<LoadCall, RestoreCall, AccumulateCall, UpdateCall>;

struct Record {
  ModelSpec spec;
  EngineOptions options;
  std::vector<Call> calls;
};

/** Reads DIR/record.bin. Throws Code::data, naming the file and the byte, for what is no record. */
Record read_record(const std::string& dir);

/** The same of bytes; `dir` is put before the names of files. */
Record parse_record(const uint8_t* bytes, size_t size, const std::string& dir);

}  // namespace attune
