from .indices import sensitivity as sensitivity
