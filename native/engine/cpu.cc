// Reads the affinity mask, the cgroup's CPU quota and the core topology from the operating system.
#include "engine/cpu.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <set>
#include <string>
#include <thread>

#if defined(__linux__) || defined(__APPLE__)
#include <pthread.h>
#endif
#if defined(__linux__)
#include <sched.h>
#endif

namespace steepest {
namespace {

std::string readLine(const std::string& path) {
  std::string line;
  if (FILE* file = std::fopen(path.c_str(), "r")) {
    char text[256];
    if (std::fgets(text, sizeof text, file)) line.assign(text, std::strcspn(text, "\n"));
    std::fclose(file);
  }
  return line;
}

// The quota of one cgroup folder in CPUs, or infinity. Version 2 writes "max 100000" or "200000 100000" into cpu.max.
double quotaOf(const std::string& folder) {
  double quota = -1, period = 0;
  if (std::sscanf(readLine(folder + "/cpu.max").c_str(), "%lf %lf", &quota, &period) == 2 && period > 0) return quota / period;
  quota = std::atof(readLine(folder + "/cpu.cfs_quota_us").c_str());
  period = std::atof(readLine(folder + "/cpu.cfs_period_us").c_str());
  return quota > 0 && period > 0 ? quota / period : INFINITY;
}

// The smallest quota on the way from this process's cgroup to the root (version 2, then the folders containers see).
double cgroupQuota() {
  double quota = std::min(quotaOf("/sys/fs/cgroup"), quotaOf("/sys/fs/cgroup/cpu"));
  std::string path = readLine("/proc/self/cgroup");
  if (path.rfind("0::/", 0) != 0) return quota;
  for (path = path.substr(3); path.size() > 1; path.resize(path.rfind('/'))) {
    quota = std::min(quota, quotaOf("/sys/fs/cgroup" + path));
    if (path.rfind('/') == 0) break;
  }
  return quota;
}

// Distinct physical cores among the allowed CPUs: two hyper-threads share one entry of thread_siblings_list.
int physicalCores() {
#if defined(__linux__)
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) return allowedCpus();
  std::set<std::string> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &mask)) continue;
    const std::string siblings = readLine("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list");
    cores.insert(siblings.empty() ? "cpu" + std::to_string(cpu) : siblings);
  }
  return std::max<int>(1, static_cast<int>(cores.size()));
#else
  return allowedCpus();
#endif
}

}  // namespace

int allowedCpus() {
#if defined(__linux__)
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof mask, &mask) == 0) return std::max(1, CPU_COUNT(&mask));
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

int usableCores() {
  const double quota = std::ceil(cgroupQuota());
  const int cores = std::min(allowedCpus(), physicalCores());
  return quota < cores ? std::max(1, static_cast<int>(quota)) : cores;
}

void nameThisThread(const char* name) {
#if defined(__linux__)
  pthread_setname_np(pthread_self(), name);
#elif defined(__APPLE__)
  pthread_setname_np(name);
#else
  (void)name;
#endif
}

int currentCpu() {
#if defined(__linux__)
  return sched_getcpu();
#else
  return -1;
#endif
}

}  // namespace steepest
