// Lets other Python threads run while it lives. Unlike pybind11's guard it survives the end of the interpreter: a
// thread that wants the lock back then is ended by Python through every frame of its stack, and a destructor must not
// throw.
#pragma once

#include <Python.h>

namespace mqtt_sim::bindings {

class WithoutGil {
 public:
  WithoutGil() : state_(PyEval_SaveThread()) {}
  ~WithoutGil() {
    try {
      PyEval_RestoreThread(state_);
    } catch (...) {  // what pthread_exit() throws
      // Until the process is gone, which is soon; as Python 3.14 does.
      PyThread_type_lock never = PyThread_allocate_lock();
      while (true) PyThread_acquire_lock(never, WAIT_LOCK);
    }
  }
  WithoutGil(const WithoutGil&) = delete;
  WithoutGil& operator=(const WithoutGil&) = delete;

 private:
  PyThreadState* state_;
};

}  // namespace mqtt_sim::bindings
