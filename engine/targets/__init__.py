"""Where shells can run: containers of the engines, and this computer."""
