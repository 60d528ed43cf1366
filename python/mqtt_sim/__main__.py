"""`python -m mqtt_sim` is `mqtt-sim`."""

from mqtt_sim.cli import main

if __name__ == "__main__":
    main()
