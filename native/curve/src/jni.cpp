// The border to Java: every length is checked again here. Elements are copied out and back a group at a time, so
// that no array is held while the garbage collector wants to move it.
#include <jni.h>

#include <algorithm>
#include <new>
#include <vector>

#include "curve.h"

using namespace espalier::curve;

namespace {

void refuse(JNIEnv* env, const char* why) {
  jclass type = env->FindClass("java/lang/IllegalArgumentException");
  if (type != nullptr) {
    env->ThrowNew(type, why);
  }
}

bool usable(jint way) {
  return (way == static_cast<jint>(Way::kPortable) || way == static_cast<jint>(Way::kIfma)) &&
         available(static_cast<Way>(way));
}

bool within(JNIEnv* env, jint way, jbyteArray elements, jint from, jint count) {
  if (!usable(way)) {
    refuse(env, "this processor does not have this way of computing");
    return false;
  }
  if (elements == nullptr || from < 0 || count < 0 ||
      (static_cast<long long>(from) + count) * static_cast<long long>(kWidth) > env->GetArrayLength(elements)) {
    refuse(env, "elements are not in the array");
    return false;
  }
  return true;
}

// Calls body(bytes, number of the first, how many) for each group of elements in turn and writes them back.
template <typename Body>
void groups(JNIEnv* env, jbyteArray elements, jint from, jint count, Body body) {
  std::uint8_t group[kGroup * kWidth];
  for (jint at = 0; at < count; at += static_cast<jint>(kGroup)) {
    const jint here = std::min(static_cast<jint>(kGroup), count - at);
    const jint offset = (from + at) * static_cast<jint>(kWidth), length = here * static_cast<jint>(kWidth);
    env->GetByteArrayRegion(elements, offset, length, reinterpret_cast<jbyte*>(group));
    if (env->ExceptionCheck()) {
      break;
    }
    body(group, at, static_cast<std::size_t>(here));
    env->SetByteArrayRegion(elements, offset, length, reinterpret_cast<const jbyte*>(group));
    if (env->ExceptionCheck()) {
      break;
    }
  }
  wipe(group, sizeof group);
}

}  // namespace

extern "C" {

JNIEXPORT jboolean JNICALL Java_org_espalier_psi_curve_NativeCurve_available(JNIEnv*, jclass, jint way) {
  return usable(way) ? JNI_TRUE : JNI_FALSE;
}

JNIEXPORT jint JNICALL Java_org_espalier_psi_curve_NativeCurve_multiply(JNIEnv* env, jclass, jint way, jbyteArray scalar,
                                                                       jbyteArray elements, jint from, jint count) {
  if (scalar == nullptr || env->GetArrayLength(scalar) != static_cast<jsize>(kWidth)) {
    refuse(env, "a scalar has 32 bytes");
    return -1;
  }
  if (!within(env, way, elements, from, count)) {
    return -1;
  }
  std::uint8_t k[kWidth];
  env->GetByteArrayRegion(scalar, 0, static_cast<jsize>(kWidth), reinterpret_cast<jbyte*>(k));
  jint zero = -1;
  groups(env, elements, from, count, [&](std::uint8_t* bytes, jint at, std::size_t here) {
    const std::ptrdiff_t first = multiply(static_cast<Way>(way), k, bytes, here);
    if (zero < 0 && first >= 0) {
      zero = at + static_cast<jint>(first);
    }
  });
  wipe(k, kWidth);
  return zero;
}

JNIEXPORT void JNICALL Java_org_espalier_psi_curve_NativeCurve_map(JNIEnv* env, jclass, jint way, jbyteArray elements,
                                                                  jint from, jint count) {
  if (within(env, way, elements, from, count)) {
    groups(env, elements, from, count,
           [&](std::uint8_t* bytes, jint, std::size_t here) { map(static_cast<Way>(way), bytes, here); });
  }
}

JNIEXPORT void JNICALL Java_org_espalier_psi_curve_NativeCurve_encode(JNIEnv* env, jclass, jint way, jbyteArray tag,
                                                                     jbyteArray messages, jintArray ends,
                                                                     jbyteArray elements, jint from, jint count) {
  if (!within(env, way, elements, from, count)) {
    return;
  }
  const jsize tag_length = tag == nullptr ? 0 : env->GetArrayLength(tag);
  if (tag_length < 1 || tag_length > 255) {
    refuse(env, "a tag has 1 to 255 bytes");
    return;
  }
  if (messages == nullptr || ends == nullptr || static_cast<long long>(from) + count > env->GetArrayLength(ends)) {
    refuse(env, "messages are not in the array");
    return;
  }
  std::uint8_t dst[255];
  env->GetByteArrayRegion(tag, 0, tag_length, reinterpret_cast<jbyte*>(dst));
  const jsize length = env->GetArrayLength(messages);
  try {
    std::vector<std::uint8_t> bytes;
    for (jint at = 0; at < count; at += static_cast<jint>(kGroup)) {
      const jint here = std::min(static_cast<jint>(kGroup), count - at);
      // Their ends, counted from where the first of them begins.
      jint begin = 0;
      if (from + at > 0) {
        env->GetIntArrayRegion(ends, from + at - 1, 1, &begin);
      }
      std::int32_t last[kGroup];
      static_assert(sizeof(jint) == sizeof(std::int32_t));
      env->GetIntArrayRegion(ends, from + at, here, last);
      bool ascending = begin >= 0 && last[here - 1] <= length;
      for (jint i = 0; i < here; ++i) {
        ascending = ascending && last[i] >= (i == 0 ? begin : last[i - 1]);
      }
      if (!ascending) {
        refuse(env, "messages are not in the array");
        break;
      }
      bytes.resize(static_cast<std::size_t>(last[here - 1] - begin));
      env->GetByteArrayRegion(messages, begin, last[here - 1] - begin, reinterpret_cast<jbyte*>(bytes.data()));
      for (jint i = 0; i < here; ++i) {
        last[i] -= begin;
      }
      std::uint8_t group[kGroup * kWidth];
      encode(static_cast<Way>(way), dst, static_cast<std::size_t>(tag_length), bytes.data(), last,
             static_cast<std::size_t>(here), group);
      env->SetByteArrayRegion(elements, (from + at) * static_cast<jint>(kWidth), here * static_cast<jint>(kWidth),
                              reinterpret_cast<const jbyte*>(group));
      wipe(group, sizeof group);
      if (!bytes.empty()) {
        wipe(bytes.data(), bytes.size());
      }
      if (env->ExceptionCheck()) {
        break;
      }
    }
  } catch (const std::bad_alloc&) {
    jclass type = env->FindClass("java/lang/OutOfMemoryError");
    if (type != nullptr) {
      env->ThrowNew(type, "native memory for keys");
    }
  }
}

}  // extern "C"
