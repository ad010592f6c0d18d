"""Projects (培训项目): what may be taught."""
