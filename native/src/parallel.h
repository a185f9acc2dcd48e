// Loops over all cores.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace espalier {

// body(kept, i) for all i below `count`, where each worker has made its own `kept` first.
template <typename Make, typename Body>
void parallel(std::size_t count, Make make, Body body) {
  std::size_t workers = std::min<std::size_t>(count, std::max(1u, std::thread::hardware_concurrency()));
  std::atomic<std::size_t> next{0};
  std::exception_ptr failure;
  std::mutex guard;
  auto work = [&] {
    try {
      auto kept = make();
      for (std::size_t i = next++; i < count; i = next++) {
        body(kept, i);
      }
    } catch (...) {
      std::lock_guard<std::mutex> hold(guard);
      failure = std::current_exception();
    }
  };
  std::vector<std::thread> threads;
  threads.reserve(workers);
  try {
    for (std::size_t w = 1; w < workers; ++w) {
      threads.emplace_back(work);
    }
  } catch (const std::system_error&) {
    // No more threads to be had: those that run, and this one, do the work.
  }
  work();
  for (auto& thread : threads) {
    thread.join();
  }
  if (failure) {
    std::rethrow_exception(failure);
  }
}

template <typename Body>
void parallel(std::size_t count, Body body) {
  parallel(count, [] { return nullptr; }, [&](std::nullptr_t, std::size_t i) { body(i); });
}

}  // namespace espalier
