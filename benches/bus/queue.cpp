// What a queue between two threads costs in C++, as most would write it: a mutex, a condition, a std::queue.
#include <condition_variable>
#include <mutex>
#include <queue>
#include <string>
#include <thread>

extern "C" long pass(long messages, long payload) {
    std::queue<std::string> queue;
    std::mutex mutex;
    std::condition_variable filled;
    long bytes = 0;
    std::thread consumer([&] {
        for (long i = 0; i < messages; i++) {
            std::unique_lock<std::mutex> lock(mutex);
            filled.wait(lock, [&] { return !queue.empty(); });
            std::string message = std::move(queue.front());
            queue.pop();
            lock.unlock();
            bytes += message.size();
        }
    });
    for (long i = 0; i < messages; i++) {
        std::string message(payload, 'x');
        {
            std::lock_guard<std::mutex> lock(mutex);
            queue.push(std::move(message));
        }
        filled.notify_one();
    }
    consumer.join();
    return bytes;
}
