// Named events with listeners. A listener that throws is reported as an uncaught error and disturbs nobody else.

export class Emitter {
  #listeners = new Map();

  on(event, listener) {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
    return this;
  }

  once(event, listener) {
    const wrapper = (...values) => {
      this.off(event, wrapper);
      listener.apply(this, values);
    };
    wrapper.listener = listener;
    return this.on(event, wrapper);
  }

  off(event, listener) {
    const others = (each) => each !== listener && each.listener !== listener;
    this.#listeners.set(event, (this.#listeners.get(event) ?? []).filter(others));
    return this;
  }

  emit(event, ...values) {
    const listeners = this.#listeners.get(event) ?? [];
    for (const listener of listeners) {
      try {
        listener.apply(this, values);
      } catch (error) {
        setTimeout(() => {
          throw error;
        });
      }
    }
    return listeners.length > 0;
  }

  removeListener(event, listener) {
    return this.off(event, listener);
  }
}
