// A record comes from a file: whatever its bytes are, it is read or refused, and nothing else.
#include "tools/record.h"

#include <cstring>

#include "core/error.h"
#include "fixture.h"
#include "tools/replay.h"

namespace attune::test {
namespace {

/** Writes a record as src/train/record.ts does. */
class Bytes {
 public:
  Bytes() { add("attune record 1\n", 16); }

  Bytes& call(uint32_t kind) {
    close();
    add(&kind, 4);
    start_ = bytes_.size();
    return word(0);
  }
  Bytes& word(uint32_t value) { return add(&value, 4); }
  template <class... Numbers>
  Bytes& numbers(Numbers... values) {
    for (const double value : {static_cast<double>(values)...}) add(&value, 8);
    return *this;
  }
  Bytes& text(const std::string& value) {
    return word(static_cast<uint32_t>(value.size())).add(value.data(), value.size());
  }
  template <class T>
  Bytes& array(const std::vector<T>& values) {
    word(static_cast<uint32_t>(values.size()));
    return add(values.data(), values.size() * sizeof(T));
  }
  std::vector<uint8_t> done() {
    close();
    return bytes_;
  }

 private:
  Bytes& add(const void* from, size_t size) {
    const auto* begin = static_cast<const uint8_t*>(from);
    bytes_.insert(bytes_.end(), begin, begin + size);
    return *this;
  }
  void close() {
    if (start_ == 0) return;
    const auto size = static_cast<uint32_t>(bytes_.size() - start_ - 4);
    std::memcpy(bytes_.data() + start_, &size, 4);
  }

  std::vector<uint8_t> bytes_;
  size_t start_ = 0;
};

/** Two layers, an adapter on q, one step of seven tokens. */
std::vector<uint8_t> small_record(const std::string& file) {
  Bytes bytes;
  bytes.call(1).numbers(37, 20, 20, 27, 2, 6, 3, 6, 128).text("rms").numbers(1e-5).text("pre");
  bytes.numbers(1).text("rotary").numbers(0).array<float>({1.0f, 0.3f, 0.05f});
  bytes.numbers(1, 0, 0, 0).text("silu").numbers(1, 0);
  bytes.text("cpu").numbers(0).text("float32").text("lora").numbers(3, 1.5, 0);
  bytes.text("layers.0.q\nlayers.1.q").numbers(16, -1, 5).text("nll").numbers(0);
  if (!file.empty()) {
    bytes.call(2).numbers(1).text("final_norm.weight").text(file).numbers(0, 80);
    bytes.text("float32").text("value");
  }
  bytes.call(3).numbers(2, 2);
  bytes.call(4).array<int32_t>({1, 2, 3, 4, 5, 6, 7}).array<int32_t>({2, 3, -100, 5, 6, 7, -100});
  bytes.array<int32_t>({0, 1, 2, 0, 1, 2, 3}).array<int32_t>({0, 3, 7}).numbers(18, 18, 18, 0, 5);
  bytes.call(5).numbers(1e-3, 0.9, 0.999, 1e-8, 0, 1, 5, 0.25, 1);
  return bytes.done();
}

Record parse(const std::vector<uint8_t>& bytes) {
  return parse_record(bytes.data(), bytes.size(), "dir");
}

/** Whether the bytes are refused with Code::data; any other exception fails the case. */
bool refused(const std::vector<uint8_t>& bytes) {
  try {
    parse(bytes);
    return false;
  } catch (const Error& error) {
    expect(error.code() == Code::data, error.what());
    return true;
  }
}

TEST(record) {
  run("every field", [] {
    const Record record = parse(small_record("files/0-model.safetensors"));
    expect(record.spec.intermediate == 27 && !record.spec.tied_head, "spec");
    expect(record.options.adapter.modules.size() == 2 && record.options.seed == 5, "options");
    expect(record.calls.size() == 4, "calls");
    const auto& read = std::get<LoadCall>(record.calls[0]).reads.at(0);
    expect(read.path == "dir/files/0-model.safetensors" && read.bytes == 80, "load");
    expect(std::get<RestoreCall>(record.calls[1]).progress.updates == 2, "restore");
    const auto& batch = std::get<AccumulateCall>(record.calls[2]);
    expect(batch.batch.documents() == 2 && batch.sums.tokens == 5, "accumulate");
    const auto& update = std::get<UpdateCall>(record.calls[3]);
    expect(update.options.tokens == 5 && update.result.grad_norm == 0.25, "update");
  });
  run("files outside", [] {
    for (const char* name : {"/etc/passwd", "files/../../x", "files/..", "files/a/b", "x", "files"})
      expect(refused(small_record(name)), name);
  });
  run("cut off", [] {
    const std::vector<uint8_t> whole = small_record("files/0");
    size_t read = 0;  // records that end between two calls
    for (size_t size = 0; size < whole.size(); ++size)
      read += !refused({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)});
    expect(read == 4, std::to_string(read) + " cut records were read");
  });
  run("changed bytes", [] {
    const std::vector<uint8_t> whole = small_record("files/0");
    size_t found = 0;
    for (size_t at = 0; at < whole.size(); ++at) {
      for (const uint8_t value : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
        std::vector<uint8_t> changed = whole;
        changed[at] = static_cast<uint8_t>(changed[at] ^ value);
        found += refused(changed);
      }
    }
    expect(found > whole.size(), "few changes were found: " + std::to_string(found));
  });
  run("replayed on every device", [] {
    const Record record = parse(small_record(""));
    for (const std::string& device : device_names()) {
      const Replay result = replay(record, device, DType::f32, -1);
      expect(result.replayed.size() == 1 && result.replayed[0].applied, device);
      expect(result.recorded[0].loss == 18.0 / 5 && result.recorded[0].tokens == 7, "recorded");
      // No memory is taken once the plan is made; a real device's driver takes some of its own.
      if (device == "cuda-host")
        expect(result.peak == result.plan.total(), "peak " + std::to_string(result.peak));
    }
  });
}

}  // namespace
}  // namespace attune::test
