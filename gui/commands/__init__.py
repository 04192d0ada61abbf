"""Commands: menus, actions, shortcuts."""
