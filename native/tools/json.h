// Writes JSON: the results of the programs. Members come in the order they are given in.
#pragma once
#include <cmath>
#include <cstdio>
#include <string>
#include <type_traits>
#include <vector>

namespace attune {

class Json {
 public:
  static Json object() { return Json('{', '}'); }
  static Json array() { return Json('[', ']'); }

  /** A member of an object. */
  template <class T>
  Json& set(const std::string& key, const T& value) {
    return append(quoted(key) + ": " + shown(value));
  }
  /** An element of an array. */
  template <class T>
  Json& add(const T& value) {
    return append(shown(value));
  }
  std::string text() const { return open_ + body_ + close_; }

 private:
  Json(char open, char close) : open_(1, open), close_(1, close) {}

  Json& append(const std::string& item) {
    body_ += (body_.empty() ? "" : ", ") + item;
    return *this;
  }

  static std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
      char escape[8];
      const auto byte = static_cast<unsigned char>(c);
      if (c == '"' || c == '\\') out += '\\';
      std::snprintf(escape, sizeof escape, byte < 0x20 ? "\\u%04x" : "%c", byte);
      out += escape;
    }
    return out + '"';
  }

  static std::string shown(const Json& value) { return value.text(); }
  static std::string shown(const char* text) { return quoted(text); }
  static std::string shown(const std::string& text) { return quoted(text); }
  static std::string shown(bool value) { return value ? "true" : "false"; }
  template <class T>
  static std::string shown(const std::vector<T>& values) {
    Json list = array();
    for (const T& value : values) list.add(value);
    return list.text();
  }
  template <class T, class = std::enable_if_t<std::is_arithmetic_v<T>>>
  static std::string shown(T value) {
    if constexpr (std::is_integral_v<T>) return std::to_string(value);
    if (!std::isfinite(value))
      return quoted(std::isnan(value) ? "NaN" : value > 0 ? "inf" : "-inf");
    char text[32];
    std::snprintf(text, sizeof text, "%.17g", static_cast<double>(value));
    return text;
  }

  std::string open_, close_, body_;
};

}  // namespace attune
