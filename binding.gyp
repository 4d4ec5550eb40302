# The same addon for node-gyp: same sources (native/sources.txt), same flags, same file (build/Release/steepest.node) as
# CMakeLists.txt, which is the normal build and explains the flags.
{
  'targets': [
    {
      'target_name': 'steepest',
      'sources': ["<!@(node -p \"require('fs').readFileSync('native/sources.txt','utf8').trim()\")"],
      'include_dirs': ['native', "<!(node -p \"require('node-addon-api').include_dir\")"],
      'defines': ['NAPI_VERSION=8', 'NAPI_DISABLE_CPP_EXCEPTIONS'],
      'cflags!': ['-O2', '-O0', '-fno-omit-frame-pointer'],
      'cflags_cc!': ['-std=gnu++17', '-std=gnu++20', '-std=c++17', '-fno-exceptions', '-fno-rtti', '-O2'],
      'cflags': ['<!@(pkg-config --cflags openblas libhwy)'],
      'cflags_cc': ['-std=c++20', '-O3', '-ffp-contract=off', '-fno-math-errno', '-fno-trapping-math', '-fvisibility=hidden', '-fvisibility-inlines-hidden', '-Wall', '-Wextra', '-Wno-cast-function-type'],
      'ldflags': ['-Wl,-z,nodelete'],
      'libraries': ['<!@(pkg-config --libs openblas libhwy)', '-pthread'],
      'conditions': [
        ["target_arch=='x64'", {'cflags_cc': ['-msse4.2', '-maes', '-mpclmul']}],
        ["target_arch=='arm64'", {'defines': ['HWY_DISABLED_TARGETS=0xF000000']}],
      ],
    },
  ],
}
