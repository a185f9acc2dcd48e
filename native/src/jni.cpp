// The border to Java. Objects are named by numbers in one table, so a stale or invented number is an
// exception and never a pointer; every array length is checked; no C++ exception crosses.
#include <jni.h>

#include <cstring>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "codec.h"
#include "dense.h"
#include "kernel.h"
#include "matrix.h"
#include "slots.h"

using namespace espalier;

namespace {

enum class Kind { kContext, kSecretKey, kCiphertext, kTiles, kAccumulator, kMatrix, kSlotSum };

struct Entry {
  Kind kind;
  std::shared_ptr<void> object;
};

std::mutex table_lock;
std::unordered_map<jlong, Entry> table;
jlong next_handle = 1;

template <typename T>
constexpr Kind kind_of();
template <>
constexpr Kind kind_of<Context>() { return Kind::kContext; }
template <>
constexpr Kind kind_of<SecretKey>() { return Kind::kSecretKey; }
template <>
constexpr Kind kind_of<Ciphertext>() { return Kind::kCiphertext; }
template <>
constexpr Kind kind_of<Tiles>() { return Kind::kTiles; }
template <>
constexpr Kind kind_of<Accumulator>() { return Kind::kAccumulator; }
template <>
constexpr Kind kind_of<Matrix>() { return Kind::kMatrix; }
template <>
constexpr Kind kind_of<SlotSum>() { return Kind::kSlotSum; }

template <typename T>
jlong store(std::shared_ptr<T> object) {
  std::lock_guard<std::mutex> hold(table_lock);
  jlong handle = next_handle++;
  table[handle] = {kind_of<T>(), std::move(object)};
  return handle;
}

template <typename T>
std::shared_ptr<T> get(jlong handle) {
  std::lock_guard<std::mutex> hold(table_lock);
  auto found = table.find(handle);
  if (found == table.end() || found->second.kind != kind_of<T>()) {
    throw BadArgument("this object is closed or of another kind");
  }
  return std::static_pointer_cast<T>(found->second.object);
}

void raise(JNIEnv* env, const char* type, const char* message) {
  if (!env->ExceptionCheck()) {
    jclass c = env->FindClass(type);
    if (c != nullptr) {
      env->ThrowNew(c, message);
    }
  }
}

struct JavaPending {};

template <typename Result, typename Body>
Result guarded(JNIEnv* env, Result fallback, Body body) {
  try {
    return body();
  } catch (const JavaPending&) {
  } catch (const BadInput& e) {
    raise(env, "org/espalier/he/MalformedCiphertextException", e.what());
  } catch (const BadArgument& e) {
    raise(env, "java/lang/IllegalArgumentException", e.what());
  } catch (const std::bad_alloc&) {
    raise(env, "java/lang/OutOfMemoryError", "native memory for ciphertexts or tiles");
  } catch (const std::exception& e) {
    raise(env, "java/lang/IllegalStateException", e.what());
  } catch (...) {
    raise(env, "java/lang/IllegalStateException", "native failure");
  }
  return fallback;
}

template <typename Element, typename Array, typename Copy>
Wiped<Element> copy_in(JNIEnv* env, Array array, Copy copy) {
  if (array == nullptr) {
    throw BadArgument("an array is null");
  }
  jsize length = env->GetArrayLength(array);
  Wiped<Element> out(static_cast<std::size_t>(length));
  if (length > 0) {
    copy(length, out.data());
  }
  if (env->ExceptionCheck()) {
    throw JavaPending();
  }
  return out;
}

Wiped<jbyte> bytes_in(JNIEnv* env, jbyteArray array) {
  return copy_in<jbyte>(env, array, [&](jsize n, jbyte* to) { env->GetByteArrayRegion(array, 0, n, to); });
}

Wiped<jlong> longs_in(JNIEnv* env, jlongArray array) {
  return copy_in<jlong>(env, array, [&](jsize n, jlong* to) { env->GetLongArrayRegion(array, 0, n, to); });
}

jbyteArray bytes_out(JNIEnv* env, const std::vector<std::uint8_t>& bytes) {
  if (bytes.size() > 0x7fffff00u) {  // the caller puts a header in front
    throw BadArgument("result too large for one array");
  }
  jbyteArray array = env->NewByteArray(static_cast<jsize>(bytes.size()));
  if (array == nullptr) {
    throw JavaPending();
  }
  env->SetByteArrayRegion(array, 0, static_cast<jsize>(bytes.size()), reinterpret_cast<const jbyte*>(bytes.data()));
  return array;
}

jlongArray longs_out(JNIEnv* env, const SecretVector& values) {
  jlongArray array = env->NewLongArray(static_cast<jsize>(values.size()));
  if (array == nullptr) {
    throw JavaPending();
  }
  env->SetLongArrayRegion(array, 0, static_cast<jsize>(values.size()), reinterpret_cast<const jlong*>(values.data()));
  return array;
}

std::size_t size_in(jlong value, const char* what) {
  if (value < 0) {
    throw BadArgument(std::string(what) + " is negative");
  }
  return static_cast<std::size_t>(value);
}

// Java's seeds have 32 bytes each; the rest of the generator's seed separates their uses.
template <std::size_t Size>
Seed seed_for(const char (&purpose)[Size], const jbyte* bytes) {
  static_assert(Size <= kSeedBytes - 32);
  Seed seed{};
  std::memcpy(seed.data(), bytes, 32);
  std::memcpy(seed.data() + 32, purpose, Size);
  return seed;
}

std::vector<Seed> mask_seeds(JNIEnv* env, jbyteArray array) {
  auto bytes = bytes_in(env, array);
  if (bytes.size() % 32 != 0) {
    throw BadArgument("a mask seed has 32 bytes");
  }
  std::vector<Seed> seeds;
  for (std::size_t at = 0; at < bytes.size(); at += 32) {
    seeds.push_back(seed_for("espalier reply mask", bytes.data() + at));
  }
  return seeds;
}

Seed one_mask_seed(JNIEnv* env, jbyteArray array) {
  auto seeds = mask_seeds(env, array);
  if (seeds.size() != 1) {
    throw BadArgument("a mask seed has 32 bytes");
  }
  return seeds[0];
}

std::vector<std::shared_ptr<Ciphertext>> ciphertexts_in(JNIEnv* env, jlongArray handles) {
  std::vector<std::shared_ptr<Ciphertext>> out;
  for (jlong handle : longs_in(env, handles)) {
    out.push_back(get<Ciphertext>(handle));
  }
  return out;
}

// A run of rows of a row-major matrix.
Wiped<jint> rows_in(JNIEnv* env, jintArray matrix, std::size_t columns, jint from, jint rows) {
  const jlong width = static_cast<jlong>(columns);
  if (matrix == nullptr || from < 0 || rows < 1 ||
      (static_cast<jlong>(from) + rows) * width > env->GetArrayLength(matrix)) {
    throw BadArgument("the rows lie outside the matrix");
  }
  Wiped<jint> values(static_cast<std::size_t>(rows * width));
  env->GetIntArrayRegion(matrix, static_cast<jsize>(from * width), static_cast<jsize>(values.size()), values.data());
  static_assert(sizeof(jint) == sizeof(std::int32_t));
  return values;
}

const std::int32_t* ints(const Wiped<jint>& values) { return reinterpret_cast<const std::int32_t*>(values.data()); }

void check_shares(JNIEnv* env, jlongArray shares, std::size_t expected, const char* place) {
  if (shares == nullptr || static_cast<std::size_t>(env->GetArrayLength(shares)) != expected) {
    throw BadArgument(std::string("the shares need one place a ") + place);
  }
}

// The bytes of a reply; its shares from place `at` on.
jbyteArray reply_out(JNIEnv* env, const Reply& reply, jlongArray shares, jsize at) {
  env->SetLongArrayRegion(shares, at, static_cast<jsize>(reply.shares.size()),
                          reinterpret_cast<const jlong*>(reply.shares.data()));
  return bytes_out(env, reply.bytes);
}

Lanes lanes_in(jint lanes, jint width) { return {size_in(lanes, "lanes"), size_in(width, "width")}; }

// Residues that lie one vector after the other.
SecretVector residues_in(JNIEnv* env, jlongArray vectors, std::size_t expected) {
  auto values = longs_in(env, vectors);
  if (values.size() != expected) {
    throw BadArgument("the vectors have another length");
  }
  SecretVector out(values.size());
  std::copy(values.begin(), values.end(), out.begin());
  return out;
}

const std::uint8_t* tail(const Wiped<jbyte>& bytes, jint from, std::size_t* length) {
  if (from < 0 || static_cast<std::size_t>(from) > bytes.size()) {
    throw BadArgument("offset outside the bytes");
  }
  *length = bytes.size() - static_cast<std::size_t>(from);
  return reinterpret_cast<const std::uint8_t*>(bytes.data()) + from;
}

// Rows of a row-major matrix of doubles, of which there must be `rows`.
dense::Rows doubles_in(JNIEnv* env, jdoubleArray matrix, jint rows, jint columns) {
  if (matrix == nullptr || rows < 0 || columns < 1 ||
      static_cast<jlong>(rows) * columns != env->GetArrayLength(matrix)) {
    throw BadArgument("the matrix has another shape");
  }
  return [=](std::size_t from, std::size_t count, double* to) {
    const auto width = static_cast<std::size_t>(columns);
    env->GetDoubleArrayRegion(matrix, static_cast<jsize>(from * width), static_cast<jsize>(count * width), to);
    if (env->ExceptionCheck()) {
      throw JavaPending();
    }
  };
}

void check_range(jint from, jint to, jint rows) {
  if (from < 0 || from > to || to > rows) {
    throw BadArgument("the rows lie outside the matrix");
  }
}

}  // namespace

#define NATIVE(type, name) \
  extern "C" JNIEXPORT type JNICALL Java_org_espalier_he_nativelib_Native_##name

NATIVE(jstring, sealVersion)(JNIEnv* env, jclass) { return env->NewStringUTF(SEAL_VERSION); }

NATIVE(jint, objects)(JNIEnv*, jclass) {
  std::lock_guard<std::mutex> hold(table_lock);
  return static_cast<jint>(table.size());
}

NATIVE(void, release)(JNIEnv*, jclass, jlong handle) {
  std::shared_ptr<void> last;  // destroyed outside the lock
  std::lock_guard<std::mutex> hold(table_lock);
  auto found = table.find(handle);
  if (found != table.end()) {
    last = std::move(found->second.object);
    table.erase(found);
  }
}

NATIVE(jlong, primeBelow)(JNIEnv* env, jclass, jint degree, jint bits, jint skip) {
  return guarded<jlong>(env, 0, [&]() -> jlong {
    if (degree < 1024 || degree > 32768 || bits < 17 || bits > 60 || skip < 0 || skip > 3) {
      throw BadArgument("no such prime is offered");
    }
    std::vector<int> sizes(static_cast<std::size_t>(skip) + 1, bits);
    // SEAL hands equal sizes out smallest first.
    return static_cast<jlong>(seal::CoeffModulus::Create(static_cast<std::size_t>(degree), sizes)[0].value());
  });
}

NATIVE(jlong, context)(JNIEnv* env, jclass, jint degree, jlongArray primes, jlong plain) {
  return guarded<jlong>(env, 0, [&] {
    std::vector<u64> values;
    for (jlong p : longs_in(env, primes)) {
      values.push_back(static_cast<u64>(p));
    }
    return store(std::make_shared<Context>(size_in(degree, "degree"), values, static_cast<u64>(plain)));
  });
}

NATIVE(jlong, secretKey)(JNIEnv* env, jclass, jlong context) {
  return guarded<jlong>(env, 0, [&] { return store(std::make_shared<SecretKey>(get<Context>(context))); });
}

NATIVE(jlong, secretKeyOf)(JNIEnv* env, jclass, jlong context, jbyteArray seed) {
  return guarded<jlong>(env, 0, [&] {
    const auto bytes = bytes_in(env, seed);
    if (bytes.size() != 32) {
      throw BadArgument("a key's seed has 32 bytes");
    }
    Seed secret = seed_for("espalier secret key", bytes.data());
    auto key = std::make_shared<SecretKey>(get<Context>(context), secret);
    wipe(secret.data(), secret.size());
    return store(key);
  });
}

NATIVE(jbyteArray, publicKey)(JNIEnv* env, jclass, jlong key) {
  return guarded<jbyteArray>(env, nullptr, [&] {
    auto k = get<SecretKey>(key);
    return bytes_out(env, write_seeded(*k->context, encrypt(*k, {})));
  });
}

NATIVE(jbyteArray, encrypt)(JNIEnv* env, jclass, jlong key, jlongArray residuals, jint from, jint count, jint width) {
  return guarded<jbyteArray>(env, nullptr, [&] {
    auto k = get<SecretKey>(key);
    if (residuals == nullptr || from < 0 || count < 1 || count > env->GetArrayLength(residuals) - from) {
      throw BadArgument("the range lies outside the residuals");
    }
    Wiped<jlong> values(static_cast<std::size_t>(count));
    env->GetLongArrayRegion(residuals, from, count, values.data());
    static_assert(sizeof(jlong) == sizeof(i64));
    auto polynomial = residual_polynomial(*k->context, reinterpret_cast<const i64*>(values.data()), values.size(),
                                          size_in(width, "width"));
    return bytes_out(env, write_seeded(*k->context, encrypt(*k, polynomial)));
  });
}

NATIVE(jlong, ciphertext)(JNIEnv* env, jclass, jlong context, jbyteArray bytes, jint from) {
  return guarded<jlong>(env, 0, [&] {
    auto c = get<Context>(context);
    auto in = bytes_in(env, bytes);
    std::size_t length;
    const std::uint8_t* at = tail(in, from, &length);
    return store(std::make_shared<Ciphertext>(read_seeded(c, at, length)));
  });
}

NATIVE(jint, ciphertextSize)(JNIEnv* env, jclass, jlong context) {
  return guarded<jint>(env, 0, [&] { return static_cast<jint>(seeded_size(*get<Context>(context))); });
}

NATIVE(jlong, replySize)(JNIEnv* env, jclass, jlong context, jint columns, jint width, jint limbs) {
  return guarded<jlong>(env, 0, [&]() -> jlong {
    auto c = get<Context>(context);
    return static_cast<jlong>(reply_size(*c, size_in(columns, "columns"), size_in(width, "width"), size_in(limbs, "limbs")));
  });
}

NATIVE(jlong, tiles)(JNIEnv* env, jclass, jlong context, jint rows, jint columns, jint width, jint largest, jint kept) {
  return guarded<jlong>(env, 0, [&] {
    return store(std::make_shared<Tiles>(get<Context>(context), size_in(rows, "rows"), size_in(columns, "columns"),
                                         size_in(width, "width"), largest, size_in(kept, "kept")));
  });
}

NATIVE(void, put)(JNIEnv* env, jclass, jlong tiles, jint block, jintArray matrix, jint fromRow, jint rows) {
  guarded<int>(env, 0, [&] {
    auto t = get<Tiles>(tiles);
    auto values = rows_in(env, matrix, t->columns(), fromRow, rows);
    t->put(size_in(block, "block"), ints(values), static_cast<std::size_t>(rows));
    return 0;
  });
}

NATIVE(jlong, accumulator)(JNIEnv* env, jclass, jlong tiles) {
  return guarded<jlong>(env, 0, [&] { return store(std::make_shared<Accumulator>(get<Tiles>(tiles))); });
}

NATIVE(void, add)(JNIEnv* env, jclass, jlong accumulator, jlongArray blocks, jlongArray ciphertexts) {
  guarded<int>(env, 0, [&] {
    auto a = get<Accumulator>(accumulator);
    std::vector<std::size_t> indices;
    for (jlong b : longs_in(env, blocks)) {
      indices.push_back(size_in(b, "block"));
    }
    a->add(indices, ciphertexts_in(env, ciphertexts));
    return 0;
  });
}

NATIVE(jbyteArray, finish)(JNIEnv* env, jclass, jlong accumulator, jlong publicKey, jbyteArray seed, jint limbs, jlongArray shares) {
  return guarded<jbyteArray>(env, nullptr, [&] {
    auto a = get<Accumulator>(accumulator);
    auto pk = get<Ciphertext>(publicKey);
    check_shares(env, shares, a->columns(), "column");
    Seed mask = one_mask_seed(env, seed);
    Reply reply = a->finish(*pk, mask, size_in(limbs, "limbs"));
    wipe(mask.data(), mask.size());
    return reply_out(env, reply, shares, 0);
  });
}

NATIVE(jlongArray, open)(JNIEnv* env, jclass, jlong key, jbyteArray bytes, jint from, jint columns, jint width, jint limbs) {
  return guarded<jlongArray>(env, nullptr, [&] {
    auto k = get<SecretKey>(key);
    auto in = bytes_in(env, bytes);
    std::size_t length;
    const std::uint8_t* at = tail(in, from, &length);
    return longs_out(env, open_reply(*k, at, length, size_in(columns, "columns"), size_in(width, "width"), size_in(limbs, "limbs")));
  });
}

NATIVE(jbyteArray, encryptColumns)(JNIEnv* env, jclass, jlong key, jint lanes, jint width, jlongArray vectors, jint used, jint count) {
  return guarded<jbyteArray>(env, nullptr, [&] {
    auto k = get<SecretKey>(key);
    const std::size_t u = size_in(used, "vectors"), n = size_in(count, "columns");
    auto values = residues_in(env, vectors, u * n);
    return bytes_out(env, write_seeded(*k->context, encrypt(*k, column_operand(*k->context, lanes_in(lanes, width), values.data(), u, n))));
  });
}

NATIVE(jbyteArray, encryptRows)(JNIEnv* env, jclass, jlong key, jint lanes, jint width, jlongArray vectors, jint used, jint count) {
  return guarded<jbyteArray>(env, nullptr, [&] {
    auto k = get<SecretKey>(key);
    const std::size_t u = size_in(used, "vectors"), n = size_in(count, "rows");
    auto values = residues_in(env, vectors, u * n);
    return bytes_out(env, write_seeded(*k->context, encrypt(*k, row_operand(*k->context, lanes_in(lanes, width), values.data(), u, n))));
  });
}

NATIVE(jbyteArray, encryptSlots)(JNIEnv* env, jclass, jlong key, jintArray values, jint from, jint count) {
  return guarded<jbyteArray>(env, nullptr, [&] {
    auto k = get<SecretKey>(key);
    if (values == nullptr || from < 0 || count < 1 || count > env->GetArrayLength(values) - from) {
      throw BadArgument("the range lies outside the values");
    }
    Wiped<jint> in(static_cast<std::size_t>(count));
    env->GetIntArrayRegion(values, from, count, in.data());
    return bytes_out(env, write_seeded(*k->context, encrypt(*k, slot_polynomial(*k->context, ints(in), in.size()))));
  });
}

NATIVE(jlong, matrix)(JNIEnv* env, jclass, jlong context, jint lanes, jint width, jint columns, jint used, jlongArray forward) {
  return guarded<jlong>(env, 0, [&] {
    return store(std::make_shared<Matrix>(get<Context>(context), lanes_in(lanes, width), size_in(columns, "columns"),
                                          size_in(used, "vectors"), ciphertexts_in(env, forward)));
  });
}

// Replies one after the other; their shares likewise.
NATIVE(jobjectArray, rows)(JNIEnv* env, jclass, jlong matrix, jintArray values, jint fromRow, jint count, jlongArray operands, jlong publicKey, jbyteArray seeds, jint limbs, jlongArray shares) {
  return guarded<jobjectArray>(env, nullptr, [&] {
    auto m = get<Matrix>(matrix);
    auto pk = get<Ciphertext>(publicKey);
    auto in = rows_in(env, values, m->columns(), fromRow, count);
    if (m->forward()) {
      check_shares(env, shares, static_cast<std::size_t>(count) * m->used(), "row and vector");
    }
    auto replies = m->rows(ints(in), static_cast<std::size_t>(count), ciphertexts_in(env, operands),
                           *pk, mask_seeds(env, seeds), size_in(limbs, "limbs"));
    jobjectArray out = env->NewObjectArray(static_cast<jsize>(replies.size()), env->FindClass("[B"), nullptr);
    if (out == nullptr) {
      throw JavaPending();
    }
    jsize at = 0;
    for (std::size_t b = 0; b < replies.size(); ++b) {
      jbyteArray bytes = reply_out(env, replies[b], shares, at);
      env->SetObjectArrayElement(out, static_cast<jsize>(b), bytes);
      env->DeleteLocalRef(bytes);
      at += static_cast<jsize>(replies[b].shares.size());
    }
    return out;
  });
}

NATIVE(jbyteArray, finishMatrix)(JNIEnv* env, jclass, jlong matrix, jlong publicKey, jbyteArray seed, jint limbs, jlongArray shares) {
  return guarded<jbyteArray>(env, nullptr, [&] {
    auto m = get<Matrix>(matrix);
    auto pk = get<Ciphertext>(publicKey);
    check_shares(env, shares, m->columns() * m->used(), "column and vector");
    Reply reply = m->finish(*pk, one_mask_seed(env, seed), size_in(limbs, "limbs"));
    return reply_out(env, reply, shares, 0);
  });
}

NATIVE(jlong, rowReplySize)(JNIEnv* env, jclass, jlong context, jint lanes, jint width, jint used, jint rows, jint limbs) {
  return guarded<jlong>(env, 0, [&]() -> jlong {
    return static_cast<jlong>(row_reply_size(*get<Context>(context), lanes_in(lanes, width), size_in(used, "vectors"), size_in(rows, "rows"), size_in(limbs, "limbs")));
  });
}

NATIVE(jlong, columnReplySize)(JNIEnv* env, jclass, jlong context, jint lanes, jint width, jint used, jint columns, jint limbs) {
  return guarded<jlong>(env, 0, [&]() -> jlong {
    return static_cast<jlong>(column_reply_size(*get<Context>(context), lanes_in(lanes, width), size_in(used, "vectors"), size_in(columns, "columns"), size_in(limbs, "limbs")));
  });
}

NATIVE(jlong, slotReplySize)(JNIEnv* env, jclass, jlong context, jint limbs) {
  return guarded<jlong>(env, 0, [&]() -> jlong { return static_cast<jlong>(slot_reply_size(*get<Context>(context), size_in(limbs, "limbs"))); });
}

NATIVE(jlongArray, openRows)(JNIEnv* env, jclass, jlong key, jint lanes, jint width, jbyteArray bytes, jint from, jint used, jint rows, jint limbs) {
  return guarded<jlongArray>(env, nullptr, [&] {
    auto k = get<SecretKey>(key);
    auto in = bytes_in(env, bytes);
    std::size_t length;
    const std::uint8_t* at = tail(in, from, &length);
    return longs_out(env, open_rows(*k, lanes_in(lanes, width), at, length, size_in(used, "vectors"), size_in(rows, "rows"), size_in(limbs, "limbs")));
  });
}

NATIVE(jlongArray, openColumns)(JNIEnv* env, jclass, jlong key, jint lanes, jint width, jbyteArray bytes, jint from, jint used, jint columns, jint limbs) {
  return guarded<jlongArray>(env, nullptr, [&] {
    auto k = get<SecretKey>(key);
    auto in = bytes_in(env, bytes);
    std::size_t length;
    const std::uint8_t* at = tail(in, from, &length);
    return longs_out(env, open_columns(*k, lanes_in(lanes, width), at, length, size_in(used, "vectors"), size_in(columns, "columns"), size_in(limbs, "limbs")));
  });
}

NATIVE(jlong, slotSum)(JNIEnv* env, jclass, jlong context) {
  return guarded<jlong>(env, 0, [&] { return store(std::make_shared<SlotSum>(get<Context>(context))); });
}

NATIVE(void, addSlots)(JNIEnv* env, jclass, jlong sum, jlongArray factors, jintArray plain) {
  guarded<int>(env, 0, [&] {
    auto s = get<SlotSum>(sum);
    auto operands = ciphertexts_in(env, factors);
    if (plain == nullptr || static_cast<std::size_t>(env->GetArrayLength(plain)) != operands.size() * s->context().degree()) {
      throw BadArgument("the plaintexts need one value a factor and slot");
    }
    Wiped<jint> values(operands.size() * s->context().degree());
    env->GetIntArrayRegion(plain, 0, static_cast<jsize>(values.size()), values.data());
    s->add(operands, ints(values));
    return 0;
  });
}

NATIVE(jbyteArray, finishSlots)(JNIEnv* env, jclass, jlong sum, jlong publicKey, jbyteArray seed, jint limbs, jlongArray shares) {
  return guarded<jbyteArray>(env, nullptr, [&] {
    auto s = get<SlotSum>(sum);
    auto pk = get<Ciphertext>(publicKey);
    check_shares(env, shares, s->context().degree(), "slot");
    Reply reply = s->finish(*pk, one_mask_seed(env, seed), size_in(limbs, "limbs"));
    return reply_out(env, reply, shares, 0);
  });
}

NATIVE(jlongArray, openSlots)(JNIEnv* env, jclass, jlong key, jbyteArray bytes, jint from, jint limbs) {
  return guarded<jlongArray>(env, nullptr, [&] {
    auto k = get<SecretKey>(key);
    auto in = bytes_in(env, bytes);
    std::size_t length;
    const std::uint8_t* at = tail(in, from, &length);
    return longs_out(env, open_slots(*k, at, length, size_in(limbs, "limbs")));
  });
}

NATIVE(jint, gramStripe)(JNIEnv*, jclass) { return static_cast<jint>(dense::kStripe); }

NATIVE(void, gram)(JNIEnv* env, jclass, jdoubleArray matrix, jint rows, jint columns, jint from, jint to, jint left, jdoubleArray sums) {
  guarded<int>(env, 0, [&] {
    const auto x = doubles_in(env, matrix, rows, columns);
    check_range(from, to, rows);
    doubles_in(env, sums, columns, columns);
    check_range(0, left, columns);
    const std::size_t width = size_in(columns, "columns"), first = size_in(left, "left");
    const std::size_t high = std::min(dense::kStripe, width - first);
    Wiped<double> stripe(high * width);
    dense::gram(x, width, size_in(from, "from"), size_in(to, "to"), first, stripe.data(), dense::instructions().back());
    for (std::size_t i = 0; i < high; ++i) {
      const std::size_t row = first + i;
      env->SetDoubleArrayRegion(sums, static_cast<jsize>(row * width + row), static_cast<jsize>(width - row),
                                stripe.data() + i * width + row);
    }
    return 0;
  });
}

NATIVE(jboolean, rounded)(JNIEnv* env, jclass, jdoubleArray matrix, jint rows, jint inner, jint from, jint to, jdoubleArray factor, jint columns, jdouble scale, jint largest, jintArray out) {
  return guarded<jboolean>(env, JNI_FALSE, [&]() -> jboolean {
    const auto x = doubles_in(env, matrix, rows, inner);
    const auto b = doubles_in(env, factor, inner, columns);
    check_range(from, to, rows);
    const std::size_t width = size_in(columns, "columns"), first = size_in(from, "from"), last = size_in(to, "to");
    Wiped<jint> integers(width);
    if (out == nullptr || (last - first) * width > static_cast<std::size_t>(env->GetArrayLength(out))) {
      throw BadArgument("the rows lie outside the product");
    }
    if (!(scale > 0) || largest < 0 || largest >= 1 << 30) {
      throw BadArgument("integers have at most 30 bits");
    }
    auto random = secret_generator();
    bool fits = true;
    dense::product(
        x, first, last, size_in(inner, "inner"), b, width,
        [&](std::size_t row, const double* values) {
          fits &= dense::round(values, width, scale, largest, *random, integers.data());
          env->SetIntArrayRegion(out, static_cast<jsize>((row - first) * width), static_cast<jsize>(width),
                                 integers.data());
        },
        dense::instructions().back());
    return fits ? JNI_TRUE : JNI_FALSE;
  });
}

NATIVE(void, product)(JNIEnv* env, jclass, jdoubleArray matrix, jint rows, jint inner, jint from, jint to, jdoubleArray factor, jint columns, jdoubleArray out) {
  guarded<int>(env, 0, [&] {
    const auto x = doubles_in(env, matrix, rows, inner);
    const auto b = doubles_in(env, factor, inner, columns);
    doubles_in(env, out, rows, columns);
    check_range(from, to, rows);
    const std::size_t width = size_in(columns, "columns");
    dense::product(
        x, size_in(from, "from"), size_in(to, "to"), size_in(inner, "inner"), b, width,
        [&](std::size_t row, const double* values) {
          env->SetDoubleArrayRegion(out, static_cast<jsize>(row * width), static_cast<jsize>(width), values);
        },
        dense::instructions().back());
    return 0;
  });
}
