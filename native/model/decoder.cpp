#include "model/decoder.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"

namespace attune {

namespace {

constexpr uint64_t kStreamsOfLinear = 4;
constexpr int64_t kDocumentMultiple = 16;

}  // namespace

Decoder::Decoder(const ModelSpec& spec, const EngineOptions& options, Parameters& parameters,
                 Backend& backend, Activations& activations, Scratch& scratch, int64_t recompute,
                 const std::atomic<bool>& interrupted)
    : spec_(spec),
      options_(options),
      parameters_(parameters),
      backend_(backend),
      activations_(activations),
      scratch_(scratch),
      recompute_(recompute),
      interrupted_(interrupted),
      head_(spec, options, parameters, backend, scratch) {
  trains_below_ = parameters_.embedding->trainable || parameters_.project_in.trains();
  first_site_ = trains_below_ ? 0 : lowest_trained_site();
  if (!spec_.rotary) return;
  const int64_t half = spec_.head_size / 2, count = options_.max_tokens * half;
  std::vector<float> cosine(static_cast<size_t>(count)), sine(cosine.size());
  for (int64_t i = 0; i < count; ++i) {
    // float32 angles, as the reference implementations compute them
    const int64_t position = i / half;
    const float angle =
        static_cast<float>(position) * spec_.inverse_frequencies[static_cast<size_t>(i % half)];
    cosine[static_cast<size_t>(i)] = std::cos(angle) * spec_.rotary_scale;
    sine[static_cast<size_t>(i)] = std::sin(angle) * spec_.rotary_scale;
  }
  backend_.upload(scratch_.cosine, cosine.data(), cosine.size() * sizeof(float));
  backend_.upload(scratch_.sine, sine.data(), sine.size() * sizeof(float));
}

Decoder::~Decoder() {
  if (cache_) backend_.release(cache_);
}

// ---------------------------------------------------------------------------------- forward

void Decoder::forward(const Pass& pass) {
  Stream stream{embed(pass), {}};
  for (int64_t site = 0; site < 2 * spec_.layers; ++site) {
    check_interrupt();
    const Tensor input = spec_.pre_norm ? norm(pass, site, stream) : stream.x;
    stream.delta = site % 2 == 0 ? attention(pass, site, input) : mlp(pass, site, input);
    if (!spec_.pre_norm) stream.x = norm(pass, site, stream);
  }
}

/** Where a forward pass leaves its result. */
Stream Decoder::last_stream(const Pass& pass) {
  if (!spec_.pre_norm) return {rows(scratch_.normed, pass.tokens), {}};
  return {rows(sum_of(2 * spec_.layers - 1), pass.tokens), rows(scratch_.delta, pass.tokens)};
}

Tensor Decoder::embed(const Pass& pass) {
  const Tensor embedded = rows(activations_.embedded, pass.tokens);
  EmbeddingArgs args;
  args.indices = scratch_.tokens;
  args.table = parameters_.embedding->value;
  args.out = spec_.projects() ? rows(activations_.token_rows, pass.tokens) : embedded;
  backend_.embedding(args);
  if (spec_.projects()) {
    const Linear& project = parameters_.project_in;
    linear_forward(context(pass, spec_.layers * kLinearsOfLayer), project, args.out, embedded,
                   low_of(project, activations_.token_low, pass.tokens, options_.adapter.rank));
  }
  if (!spec_.rotary) {
    EmbeddingArgs position;
    position.indices = scratch_.positions;
    position.offset = spec_.position_offset;
    position.table = parameters_.position->value;
    position.out = embedded;
    position.accumulate = true;
    backend_.embedding(position);
  }
  return embedded;
}

/** stream.x becomes x + delta; returns its norm. */
Tensor Decoder::norm(const Pass& pass, int64_t site, Stream& stream) {
  const Norm& norm = norm_of(site);
  NormArgs args;
  args.kind = spec_.norm;
  args.epsilon = spec_.norm_epsilon;
  args.x = stream.x;
  args.delta = stream.delta;
  if (stream.delta) args.sum = rows(sum_of(site), pass.tokens);
  // Post-norm: the output is the next stream, so two buffers take turns.
  args.y = rows(!spec_.pre_norm && site % 2 == 0 ? scratch_.stream : scratch_.normed, pass.tokens);
  args.weight = norm.weight->value.f32();
  args.bias = norm.bias ? norm.bias->value.f32() : nullptr;
  args.stats = stats_of(site);
  backend_.norm(args);
  if (stream.delta) stream.x = args.sum;
  stream.delta = {};
  return args.y;
}

Tensor Decoder::attention(const Pass& pass, int64_t site, Tensor input) {
  Layer& layer = this->layer(site);
  LayerActivations& saved = this->saved(site);
  const int64_t T = pass.tokens, rank = options_.adapter.rank;
  const Tensor qkv = rows(saved.qkv, T), attended = rows(saved.attended, T);
  linear_forward(context(pass, site / 2 * kLinearsOfLayer), layer.qkv, input, qkv,
                 low_of(layer.qkv, saved.qkv_low, T, rank));
  if (spec_.rotary) rotate(qkv, false);

  const int64_t Q = spec_.query_size(), KV = spec_.kv_size();
  AttentionArgs args;
  args.q = qkv.columns(0, Q);
  args.k = qkv.columns(Q, KV);
  args.v = qkv.columns(Q + KV, KV);
  args.out = attended;
  args.q_starts = args.k_starts = scratch_.segments;
  args.documents = pass.documents;
  args.heads = spec_.heads;
  args.kv_heads = spec_.kv_heads;
  args.head_size = spec_.head_size;
  args.scale = 1.0f / std::sqrt(static_cast<float>(spec_.head_size));
  args.lse = saved.lse;
  if (pass.cached) {
    append(pass, site / 2, qkv);
    const int64_t all = pass.past + T;
    const Tensor cache = Tensor(cache_, options_.dtype, spec_.layers * options_.max_tokens, 2 * KV)
                             .row_range(site / 2 * options_.max_tokens, all);
    args.k = cache.columns(0, KV);
    args.v = cache.columns(KV, KV);
    args.k_starts = scratch_.key_starts;  // written by decode()
  }
  backend_.attention(args);

  const Tensor delta = rows(scratch_.delta, T);
  linear_forward(context(pass, site / 2 * kLinearsOfLayer + 1), layer.attention_out, attended,
                 delta, low_of(layer.attention_out, saved.attention_out_low, T, rank));
  return delta;
}

Tensor Decoder::project_up(const Pass& pass, int64_t site, Tensor input) {
  const Layer& layer = this->layer(site);
  const LayerActivations& saved = this->saved(site);
  const Tensor up = rows(saved.up, pass.tokens);
  linear_forward(context(pass, site / 2 * kLinearsOfLayer + 2), layer.up, input, up,
                 low_of(layer.up, saved.up_low, pass.tokens, options_.adapter.rank));
  return up;
}

Tensor Decoder::mlp(const Pass& pass, int64_t site, Tensor input) {
  Layer& layer = this->layer(site);
  LayerActivations& saved = this->saved(site);
  const int64_t T = pass.tokens, F = spec_.intermediate, rank = options_.adapter.rank;
  const Tensor up = project_up(pass, site, input), hidden = rows(scratch_.hidden, T);
  ActivationArgs args;
  args.kind = spec_.activation;
  args.x = up.columns(0, F);
  if (spec_.gated) args.up = up.columns(F, F);
  args.out = hidden;
  const LinearContext down = context(pass, site / 2 * kLinearsOfLayer + 3);
  args.adapter = of_input(down, layer.down, hidden);
  backend_.activation(args);
  const Tensor delta = rows(scratch_.delta, T);
  linear_forward(down, layer.down, hidden, delta, low_of(layer.down, saved.down_low, T, rank),
                 static_cast<bool>(args.adapter));
  return delta;
}

void Decoder::rotate(Tensor qkv, bool inverse) {
  RopeArgs args;
  args.positions = scratch_.positions;
  args.cosine = scratch_.cosine;
  args.sine = scratch_.sine;
  args.inverse = inverse;
  // Queries and keys lie side by side and turn alike.
  args.heads = spec_.heads + spec_.kv_heads;
  args.x = qkv.columns(0, spec_.query_size() + spec_.kv_size());
  backend_.rope(args);
}

// ------------------------------------------------------------------------------ entry points

void Decoder::check_interrupt() const {
  check(!interrupted_, Code::disposed, "decoder", "the engine is closing");
}

/**
 * Uploads a batch, filled up to the device's multiple of tokens with a document that no other
 * token sees, and of documents with empty ones.
 */
Decoder::Pass Decoder::upload(const Batch& batch) {
  const int64_t multiple = backend_.token_multiple(), size = batch.size();
  const int64_t tokens = (size + multiple - 1) / multiple * multiple;
  Batch filled = batch;
  filled.tokens.resize(static_cast<size_t>(tokens));
  filled.positions.resize(static_cast<size_t>(tokens));
  if (tokens > size) filled.segments.push_back(static_cast<int32_t>(tokens));
  if (multiple > 1) {
    const int64_t room = options_.max_tokens - filled.documents();
    const int64_t empty =
        (kDocumentMultiple - filled.documents() % kDocumentMultiple) % kDocumentMultiple;
    filled.segments.insert(filled.segments.end(), static_cast<size_t>(std::min(room, empty)),
                           static_cast<int32_t>(tokens));
  }
  const auto copy = [&](int32_t* device, const std::vector<int32_t>& host) {
    backend_.upload(device, host.data(), host.size() * sizeof(int32_t));
  };
  copy(scratch_.tokens, filled.tokens);
  copy(scratch_.positions, filled.positions);
  copy(scratch_.segments, filled.segments);
  Pass pass;
  pass.tokens = tokens;
  pass.documents = filled.documents();
  return pass;
}

/** Without dropout, passes of equal sizes are the same work. */
void Decoder::repeat(const Pass& pass, int64_t half, const std::function<void()>& work) {
  check_interrupt();
  if (pass.dropout > 0) return work();
  const auto size = static_cast<uint64_t>(pass.tokens),
             documents = static_cast<uint64_t>(pass.documents);
  backend_.repeat((size << 34) | (documents << 2) | static_cast<uint64_t>(adapters_on) << 1 |
                      static_cast<uint64_t>(half),
                  work);
}

void Decoder::check_trains() const {
  check(options_.method != Method::none, Code::config, "accumulate",
        "the engine was made without a method to train");
  check(options_.method == Method::full || adapters_on, Code::config, "accumulate",
        "the adapter was merged: there is nothing left to train");
}

BatchSums Decoder::accumulate(const Batch& batch, uint64_t micro_batch) {
  const Supervised supervised = supervised_of(batch);
  if (supervised.rows.empty()) return {};
  Pass pass = upload(batch);
  pass.dropout = options_.adapter.dropout;
  pass.stream = micro_batch;
  repeat(pass, 0, [&] { forward(pass); });
  head_.losses(context(pass, spec_.layers * kLinearsOfLayer + 1), last_stream(pass), supervised,
               rows(scratch_.d_stream, pass.tokens));
  repeat(pass, 1, [&] { backward(pass); });
  return head_.sums(static_cast<int64_t>(supervised.rows.size()), nullptr);
}

BatchSums Decoder::evaluate(const Batch& batch, std::vector<float>* nll) {
  const Supervised supervised = supervised_of(batch);
  if (supervised.rows.empty()) return {};
  const Pass pass = upload(batch);
  forward(pass);
  head_.losses(context(pass, 0), last_stream(pass), supervised, {});
  return head_.sums(static_cast<int64_t>(supervised.rows.size()), nll);
}

std::vector<float> Decoder::logits(const std::vector<int32_t>& tokens) {
  Batch batch;
  batch.tokens = tokens;
  batch.targets.assign(tokens.size(), kIgnore);
  batch.positions.resize(tokens.size());
  std::iota(batch.positions.begin(), batch.positions.end(), 0);
  batch.segments = {0, static_cast<int32_t>(tokens.size())};
  validate(batch, spec_, options_.max_tokens);
  const Pass pass = upload(batch);
  forward(pass);
  return head_.logits(context(pass, 0), last_stream(pass), batch.positions);
}

size_t Decoder::cache_bytes() const {
  return static_cast<size_t>(spec_.layers * options_.max_tokens * 2 * spec_.kv_size()) *
         size_of(options_.dtype);
}

/** Copies the new keys and values behind those already cached. */
void Decoder::append(const Pass& pass, int64_t layer, Tensor qkv) {
  CastArgs args;
  args.x = qkv.columns(spec_.query_size(), 2 * spec_.kv_size());
  args.out = Tensor(cache_, options_.dtype, spec_.layers * options_.max_tokens, 2 * spec_.kv_size())
                 .row_range(layer * options_.max_tokens + pass.past, pass.tokens);
  backend_.cast(args);
}

std::vector<float> Decoder::decode(const std::vector<int32_t>& tokens, bool reset) {
  if (!cache_) cache_ = backend_.allocate(cache_bytes());
  if (reset) cached_ = 0;
  const auto count = static_cast<int64_t>(tokens.size());
  check(cached_ + count <= options_.max_tokens, Code::shape, "decode",
        "the cache holds " + std::to_string(options_.max_tokens) + " tokens; " +
            std::to_string(cached_ + count) + " were asked for");
  Batch batch;
  batch.tokens = tokens;
  batch.targets.assign(tokens.size(), kIgnore);
  batch.positions.resize(tokens.size());
  std::iota(batch.positions.begin(), batch.positions.end(), static_cast<int32_t>(cached_));
  batch.segments = {0, static_cast<int32_t>(count)};
  validate(batch, spec_, options_.max_tokens);
  Pass pass = upload(batch);
  pass.tokens = count;
  pass.documents = 1;
  pass.cached = true;
  pass.past = cached_;
  const int32_t key_starts[2] = {0, static_cast<int32_t>(cached_ + count)};
  backend_.upload(scratch_.key_starts, key_starts, sizeof key_starts);
  forward(pass);
  cached_ += count;
  return head_.logits(context(pass, 0), last_stream(pass), {static_cast<int32_t>(count - 1)});
}

// ----------------------------------------------------------------------------------- details

LinearContext Decoder::context(const Pass& pass, int64_t linear) const {
  LinearContext context(backend_, options_.adapter.scale, options_.adapter.rank);
  context.adapters = adapters_on;
  context.dropout = pass.dropout;
  context.seed = options_.seed;
  const uint64_t linears = static_cast<uint64_t>(spec_.layers * kLinearsOfLayer) + 2;
  context.stream = (pass.stream * linears + static_cast<uint64_t>(linear)) * kStreamsOfLinear;
  context.dropped = scratch_.dropped;
  context.d_dropped = scratch_.d_dropped;
  return context;
}

Tensor Decoder::sum_of(int64_t site) {
  if (site == 0 && spec_.pre_norm) return activations_.embedded;
  return site % 2 == 0 ? saved(site).attention_sum : saved(site).mlp_sum;
}

float* Decoder::stats_of(int64_t site) {
  return site % 2 == 0 ? saved(site).attention_stats : saved(site).mlp_stats;
}

int64_t Decoder::lowest_trained_site() const {
  for (size_t i = 0; i < parameters_.layers.size(); ++i) {
    const Layer& layer = parameters_.layers[i];
    if (layer.qkv.trains() || layer.attention_out.trains()) return static_cast<int64_t>(2 * i);
    if (layer.up.trains() || layer.down.trains()) return static_cast<int64_t>(2 * i + 1);
  }
  return 2 * spec_.layers;
}

}  // namespace attune
