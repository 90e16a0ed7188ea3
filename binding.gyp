# The engine without its GPU library (libattune_cuda.so), which takes nvcc: that is CMake's to build
# (npm run build). An addon made here says so and runs on the processor.
{
  'variables': { 'onednn%': '<!(node -p "process.env.ATTUNE_ONEDNN !== \'0\' && require(\'fs\').existsSync(\'/usr/include/dnnl.hpp\') ? 1 : 0")' },
  'target_defaults': {
    'include_dirs': ['native'],
    'cflags!': ['-fno-exceptions'],
    'cflags_cc!': ['-fno-exceptions', '-fno-rtti', '-std=gnu++17'],
    'cflags_cc': ['<!@(node scripts/sources.cjs flags)', '-fopenmp', '-fvisibility=hidden'],
    'conditions': [['target_arch == "x64"', { 'defines': ['ATTUNE_X86'] }]]
  },
  'targets': [
    {
      'target_name': 'attune_portable',
      'type': 'static_library',
      'sources': ['<!@(node scripts/sources.cjs kernels)'],
      'defines': ['ATTUNE_ISA=portable']
    },
    {
      'target_name': 'attune_avx2',
      'type': 'static_library',
      'conditions': [['target_arch == "x64"', {
        'sources': ['<!@(node scripts/sources.cjs kernels)'],
        'cflags_cc': ['<!@(node scripts/sources.cjs isa avx2)']
      }]],
      'defines': ['ATTUNE_ISA=avx2']
    },
    {
      'target_name': 'attune_avx512',
      'type': 'static_library',
      'conditions': [['target_arch == "x64"', {
        'sources': ['<!@(node scripts/sources.cjs kernels)'],
        'cflags_cc': ['<!@(node scripts/sources.cjs isa avx512)']
      }]],
      'defines': ['ATTUNE_ISA=avx512']
    },
    {
      'target_name': 'attune',
      'dependencies': ['attune_portable', 'attune_avx2', 'attune_avx512'],
      'sources': ['<!@(node scripts/sources.cjs engine)', '<!@(node scripts/sources.cjs addon)'],
      'include_dirs': ['<!(node -p "require(\'node-addon-api\').include_dir")'],
      'defines': ['NAPI_VERSION=8', 'NODE_ADDON_API_CPP_EXCEPTIONS', 'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS'],
      'libraries': ['-fopenmp', '-ldl'],
      'ldflags': ['-Wl,-z,nodelete'],
      'conditions': [['onednn == 1', { 'defines': ['ATTUNE_ONEDNN'], 'libraries': ['-ldnnl'] }]]
    }
  ]
}
