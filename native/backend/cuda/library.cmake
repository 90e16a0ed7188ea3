# libattune_cuda.so: compiled by nvcc, loaded by the addon where there is a driver. Left out, with
# the reason, where nvcc or the headers of cuBLAS are missing; ATTUNE_CUDA=ON makes that an error.

# The library and the addon share C++ types, so each carries a hash of their headers.
file(READ package.json PACKAGE)
string(JSON VERSION GET "${PACKAGE}" version)
file(GLOB SHARED CONFIGURE_DEPENDS native/core/*.h native/ops/*.h)
list(APPEND SHARED native/backend/backend.h native/backend/device_info.h native/backend/cuda/library.h)
set(HASHES "")
foreach(header ${SHARED})
  get_filename_component(header ${header} ABSOLUTE)
  file(SHA256 ${header} hash)
  string(APPEND HASHES ${hash})
endforeach()
string(SHA256 HASH "${HASHES}")
string(SUBSTRING ${HASH} 0 12 HASH)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS package.json ${SHARED})
set_property(SOURCE native/backend/cuda_loader.cpp native/backend/cuda/library.cpp
  APPEND PROPERTY COMPILE_DEFINITIONS ATTUNE_INTERFACE="${VERSION}-${HASH}")

# Sets CUDA_MISSING to what is missing, CUBLAS_INCLUDE and CMAKE_CUDA_COMPILER to what was found.
macro(find_cuda)
  set(CUDA_MISSING "")
  if(NOT CMAKE_CUDA_ARCHITECTURES)
    # The sources tell 80, 86 and 89 apart nowhere: one pass makes the code of all three, and PTX for what
    # comes later. Of Hopper the a target, which alone has its matrix instructions.
    set(CMAKE_CUDA_ARCHITECTURES OFF)
    set(CUDA_TARGETS "-gencode=arch=compute_80,code=[sm_80,sm_86,sm_89,compute_80]"
      -gencode=arch=compute_90a,code=sm_90a)
  endif()
  find_program(NVCC nvcc HINTS /usr/local/cuda/bin)
  if(NOT NVCC)
    set(CUDA_MISSING "no nvcc; install the CUDA toolkit, 12.4 or later")
  else()
    execute_process(COMMAND ${NVCC} --version OUTPUT_VARIABLE NVCC_TEXT ERROR_QUIET)
    string(REGEX MATCH "release ([0-9.]+)" NVCC_RELEASE "${NVCC_TEXT}")
    if(CMAKE_MATCH_1 VERSION_LESS 12.4)
      set(CUDA_MISSING "nvcc is of CUDA ${CMAKE_MATCH_1}, 12.4 or later is needed")
    else()
      # Beside the toolkit's headers, where scripts/cublas.mjs leaves them, or in Python's packages:
      # nvidia-cublas, nvidia-cublas-cu12.
      execute_process(COMMAND python3 -c "import sys; print(*(p + '/nvidia/' + d for p in sys.path for d in ('cu13/include', 'cublas/include')), sep=';')"
        OUTPUT_VARIABLE PYTHON_PLACES OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
      get_filename_component(TOOLKIT ${NVCC} REALPATH)
      get_filename_component(TOOLKIT ${TOOLKIT} DIRECTORY)
      find_path(CUBLAS_INCLUDE cublasLt.h HINTS $ENV{CUBLAS_INCLUDE} ${TOOLKIT}/../include
        /usr/local/cuda/include ${CMAKE_CURRENT_SOURCE_DIR}/.cache/cublas ${PYTHON_PLACES})
      if(NOT CUBLAS_INCLUDE)
        set(CUDA_MISSING "no cublasLt.h; install the toolkit's libcublas-dev, or: pip install nvidia-cublas")
      else()
        include(CheckLanguage)
        set(ENV{CUDACXX} ${NVCC})
        check_language(CUDA)
        if(NOT CMAKE_CUDA_COMPILER)
          set(CUDA_MISSING "nvcc does not compile here; see CMake's log")
        endif()
      endif()
    endif()
  endif()
endmacro()

if(ATTUNE_CUDA STREQUAL "OFF")
  set(CUDA_MISSING "switched off")
else()
  find_cuda()
endif()
if(CUDA_MISSING)
  if(ATTUNE_CUDA STREQUAL "ON")
    message(FATAL_ERROR "the GPU library cannot be built: ${CUDA_MISSING}")
  endif()
  message(STATUS "GPU library left out: ${CUDA_MISSING}")
  return()
endif()

enable_language(CUDA)
message(STATUS "GPU library: nvcc ${CMAKE_CUDA_COMPILER_VERSION}, ${CUBLAS_INCLUDE}/cublasLt.h")
add_library(attune_cuda SHARED ${CUDA} ${CUDA_DEVICE})
target_include_directories(attune_cuda PRIVATE native ${CUBLAS_INCLUDE}
  ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES})
target_compile_options(attune_cuda PRIVATE $<$<COMPILE_LANGUAGE:CXX>:${FLAGS}>
  # A kernel that spills registers is an error.
  "$<$<COMPILE_LANGUAGE:CUDA>:${CUDA_TARGETS};-O3;--threads=2;-Xptxas=-warn-spills,-Werror;-Xfatbin=-compress-all;-Xcompiler=-Wall>")
set_target_properties(attune_cuda PROPERTIES CUDA_STANDARD 17 CUDA_STANDARD_REQUIRED ON
  CUDA_VISIBILITY_PRESET hidden CUDA_RUNTIME_LIBRARY Static
  LINK_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/native/backend/cuda/exports.map)
target_link_libraries(attune_cuda PRIVATE Threads::Threads ${CMAKE_DL_LIBS})
# Its entry points alone are seen; once loaded it stays, since CUDA registers work for the end.
target_link_options(attune_cuda PRIVATE LINKER:-z,nodelete LINKER:-z,defs
  LINKER:--version-script=${CMAKE_CURRENT_SOURCE_DIR}/native/backend/cuda/exports.map)
