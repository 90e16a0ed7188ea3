// Bytes that are read as a record, and what was read written down as JSON. Inputs are bytes as they are,
// or decisions by which a record is written that is right but for a few places.
#include <initializer_list>
#include <limits>
#include <string>
#include <vector>

#include "core/error.h"
#include "fuzz.h"
#include "tools/json.h"
#include "tools/record.h"

using namespace attune;

namespace {

/** Writes what record.cpp reads. */
class Writer {
 public:
  explicit Writer(Bytes& from) : from_(from) {}

  void add(const void* data, size_t size) {
    const auto* begin = static_cast<const uint8_t*>(data);
    bytes.insert(bytes.end(), begin, begin + size);
  }
  void word(uint32_t value) { add(&value, 4); }
  void count(size_t value) {
    word(from_.below(200) == 199 ? from_.word() : static_cast<uint32_t>(value));
  }
  void numbers(int many) {
    for (; many > 0; --many) {
      const uint8_t which = from_.byte();
      double value = which % 16;
      if (which == 250) value = 0.5;
      if (which == 251) value = -1;
      if (which == 252) value = std::numeric_limits<double>::quiet_NaN();
      if (which == 253) value = 1e300;
      if (which == 254) value = 9007199254740993.0;
      if (which == 255) value = -std::numeric_limits<double>::infinity();
      add(&value, 8);
    }
  }
  void flag() {
    const double value = from_.below(100) == 99 ? 0.5 : static_cast<double>(from_.below(2));
    add(&value, 8);
  }
  void text(const std::string& value) {
    count(value.size());
    add(value.data(), value.size());
  }
  void name(std::initializer_list<const char*> names) {
    if (from_.below(100) == 99) return text("rms\n");
    text(*(names.begin() + from_.below(names.size())));
  }
  void array() {
    const size_t size = from_.below(20);
    count(size);
    for (size_t i = 0; i < size; ++i) word(from_.byte());
  }

  std::vector<uint8_t> bytes;

 private:
  Bytes& from_;
};

void engine(Writer& to, Bytes& from) {
  to.numbers(9);
  to.name({"rms", "layer"});
  to.numbers(1);
  to.name({"pre", "post"});
  to.flag();
  to.name({"rotary", "learned"});
  to.numbers(1);
  to.array();
  to.numbers(1);
  for (int i = 0; i < 3; ++i) to.flag();
  to.name({"silu", "relu", "gelu", "gelu_tanh"});
  to.flag();
  to.flag();
  to.text(from.flag() ? "cpu" : "cuda:1");
  to.flag();
  to.name({"float32", "bfloat16", "float16"});
  to.name({"full", "lora", "none"});
  to.numbers(3);
  to.text(from.flag() ? "q\nv" : "");
  to.numbers(3);
  to.name({"nll", "dft"});
  to.numbers(1);
}

void load(Writer& to, Bytes& from) {
  const size_t reads = from.below(4);
  const double count = from.below(50) == 49 ? 1e15 : static_cast<double>(reads);
  to.add(&count, 8);
  for (size_t i = 0; i < reads; ++i) {
    to.text("model.norm.weight");
    const char* const files[] = {"files/a", "files/b", "files/..", "files/../x", "/etc/passwd", ""};
    const size_t which = from.below(60);
    to.text(which < 55 ? files[which % 2] : files[2 + which % 4]);
    to.numbers(2);
    to.name({"float32", "bfloat16", "float16"});
    to.name({"value", "first", "second"});
  }
}

std::vector<uint8_t> write(Bytes& from) {
  Writer to(from);
  to.add("attune record 1\n", 16);
  for (size_t calls = 1 + from.below(5), i = 0; i < calls; ++i) {
    const uint32_t kind = i == 0 && from.below(50) != 49 ? 1 : static_cast<uint32_t>(2 + from.below(5));
    Writer call(from);
    if (kind == 1) engine(call, from);
    if (kind == 2) load(call, from);
    if (kind == 3) call.numbers(2);
    if (kind == 4) {
      for (int arrays = 0; arrays < 4; ++arrays) call.array();
      call.numbers(5);
    }
    if (kind == 5) {
      call.numbers(8);
      call.flag();
    }
    to.word(kind);
    to.count(call.bytes.size());
    to.add(call.bytes.data(), call.bytes.size());
  }
  for (size_t changes = from.below(3); changes > 0; --changes)
    to.bytes[from.below(to.bytes.size())] = from.byte();
  if (from.below(20) == 19) to.bytes.resize(from.below(to.bytes.size()));
  return std::move(to.bytes);
}

void read(const uint8_t* data, size_t size) {
  try {
    const Record record = parse_record(data, size, "dir");
    Json calls = Json::array();
    for (const Call& call : record.calls) {
      if (const auto* load = std::get_if<LoadCall>(&call)) {
        for (const TensorRead& read : load->reads) {
          // Nothing of a record is read outside of its folder.
          require(read.path.compare(0, 10, "dir/files/") == 0);
          require(read.path.find('/', 10) == std::string::npos && read.path != "dir/files/..");
          calls.add(read.name);
        }
      }
      if (const auto* one = std::get_if<UpdateCall>(&call)) calls.add(one->result.grad_norm);
    }
    Json all = Json::object();
    all.set("calls", calls).set("device", record.options.device).set("seed", record.options.seed);
    require(!all.text().empty());
  } catch (const Error& error) {
    require(error.code() == Code::data);
    require(std::strstr(error.what(), "byte") != nullptr);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes from(data, size);
  if (from.below(4) == 0) {
    read(data, size);
  } else {
    const std::vector<uint8_t> written = write(from);
    read(written.data(), written.size());
  }
  return 0;
}
