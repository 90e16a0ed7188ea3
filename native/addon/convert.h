// JavaScript values to plain structs and back, each conversion once. A wrong type is a TypeError of
// code `config` that names the field. JavaScript may run in the midst of it (getters, proxies), and
// do anything: what was read before is a copy.
#pragma once
#include <napi.h>

#include <memory>
#include <string>
#include <vector>

#include "engine.h"
#include "text/text_encoder.h"

namespace attune {

ModelSpec to_spec(const Napi::Value&);
EngineOptions to_options(const Napi::Value&);
Batch to_batch(const Napi::Value&);
UpdateOptions to_update(const Napi::Value&);
std::vector<TensorRead> to_reads(const Napi::Value&);
std::vector<TensorWrite> to_writes(const Napi::Value&);
std::vector<int32_t> to_ints(const Napi::Value&, const char* name);
std::vector<uint8_t> to_bytes(const Napi::Value&, const char* name);
int64_t to_integer(const Napi::Value&, const char* name, double least, double most);
uint64_t to_natural(const Napi::Value&, const char* name);
bool to_boolean(const Napi::Value&, const char* name);
std::string to_text(const Napi::Value&, const char* name);
std::string to_path(const Napi::Value&);
Part to_part(const Napi::Value&);
Progress to_progress(const Napi::Value&);
TextModel to_text_model(const Napi::Value&);

Napi::Value from(Napi::Env, const DeviceInfo&);
Napi::Value from(Napi::Env, const MemoryPlan&);
Napi::Value from(Napi::Env, const Parameter&);
Napi::Value from(Napi::Env, const BatchSums&);
Napi::Value from(Napi::Env, const UpdateResult&);
Napi::Value from(Napi::Env, const Progress&);
Napi::Value from(Napi::Env, const std::vector<float>&);
/** The bytes themselves, not a copy. */
Napi::Value from(Napi::Env, const std::shared_ptr<Pages>&);

}  // namespace attune
