"""Make-ups (补课、补签) and excuses (请假)."""
